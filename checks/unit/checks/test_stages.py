"""Which stage a check works on, and that nothing of it is left."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checks.unit.checks.conftest import Ran

Run = Callable[..., Ran]
ASKS = "def check_it(service):\n    service.get('/')\n"


def test_the_standing_stage_is_left_standing(ran: Run) -> None:
    run = ran(ASKS)
    assert (run.code, run.done) == (0, [])


def test_a_check_that_breaks_a_box_has_it_healed(ran: Run) -> None:
    run = ran("def check_it(stand):\n    stand.service.get('/')\n    stand.runtime.kill('app')\n")
    assert (run.code, run.done) == (0, ["heal"])


def test_a_check_that_disturbs_gets_a_stage_of_its_own(ran: Run, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr("checks.plugin.stand.free_port", lambda: port)
    run = ran("def check_it(own_stand):\n    own_stand.service.get('/')\n")
    assert (run.code, run.done) == (0, ["up", "down True"])
    assert "a stage for the checks stands at" in run.text


def test_a_stage_that_does_not_stand_fails_once_and_goes(ran: Run) -> None:
    run = ran(ASKS + ASKS.replace("_it", "_that"), own=True, stands=False)
    assert run.code == 1
    assert len(run.results) == 1
    assert "Brought a stage for the checks up." in run.text
    assert "app ended with exit code 1" in run.text
    assert run.done == ["up", "down True"]


def test_ctrl_c_takes_its_stage_down(ran: Run, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr("checks.plugin.stand.free_port", lambda: port)
    done: list[str] = []
    monkeypatch.setattr("checks.unit.checks.conftest.FakeRuntime.down", lambda self, volumes: done.append("down"))
    with pytest.raises(KeyboardInterrupt):
        ran("def check_it(own_stand):\n    raise KeyboardInterrupt\n")
    assert done == ["down"]
