"""The links that a load reads are made also where a rate limit stands in the way."""

from __future__ import annotations

import pytest

from checks.unit.experiment.tiny_service import TinyRuntime
from infra.errors import LabError
from infra.experiment.load import first_links
from infra.experiment.load.first_links import make_links


def test_who_is_told_that_it_is_too_much_waits_and_asks_again(
    stage: TinyRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, asked = stage.service, []
    service.mistakes.refuse_writes = 429

    def later(seconds: float) -> None:
        asked.append(seconds)
        service.mistakes.refuse_writes = 0

    monkeypatch.setattr("infra.experiment.load.first_links.time.sleep", later)
    assert len(make_links(service.address, 3)) == 3
    assert asked


def test_a_limit_that_never_lets_anything_through_is_told(stage: TinyRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_links, "_PATIENCE", 0.05)
    stage.service.mistakes.refuse_writes = 429
    with pytest.raises(LabError, match="was answered 429"):
        make_links(stage.service.address, 1)
