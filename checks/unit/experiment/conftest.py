from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.unit.experiment.tiny_service import TinyRuntime, TinyService


@pytest.fixture
def service() -> Iterator[TinyService]:
    tiny = TinyService()
    yield tiny
    tiny.close()


@pytest.fixture
def stage(service: TinyService) -> TinyRuntime:
    return TinyRuntime(service)
