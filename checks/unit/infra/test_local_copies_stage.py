"""Lab 4 in the local runtime: no GET fails while copies come, go, are replaced or killed, and all of it heals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from checks.eventually import eventually
from checks.unit.infra.conftest import OpenStage
from checks.unit.infra.helpers import living_below
from checks.unit.infra.looking import get, quiet, shown
from checks.unit.steady import steady_gets
from infra import rolling, state
from infra.errors import LabError
from infra.project import ROOT
from infra.runtime.drains import balancer_of
from infra.runtime.local.runtime import LocalRuntime

TOOL = """
import sys
from infra import rolling, state
from infra.runtime.choose import open_runtime
rolling.deploy(open_runtime(*state.load(sys.argv[1])), None, lambda line: print(line, flush=True))
"""


@pytest.fixture
def stage(open_stage: OpenStage) -> LocalRuntime:
    runtime = open_stage(4)
    runtime.up(quiet)
    return runtime


def states(runtime: LocalRuntime) -> dict[str, str]:
    """What the balancer thinks of each copy."""
    return {name: copy.state for name, copy in balancer_of(runtime.stage, runtime.address).copies().items()}


def test_no_get_fails_while_copies_come_and_go_and_are_replaced_and_killed(stage: LocalRuntime) -> None:
    with steady_gets(f"{stage.project.base_url}/healthz", 200) as seen:
        rolling.scale(stage, 5, quiet)
        assert [name for name, how in states(stage).items() if how == "UP"] == [f"app-{n}" for n in range(1, 6)]
        rolling.scale(stage, 2, quiet)
        assert state.load(stage.project.name) == (stage.project, "local")
        assert (stage.project.copies, stage.faults()) == (2, [])
        before = {name: stage.boxes.process(stage.stage.box(name)).members()[0].pid for name in ("app-1", "app-2")}
        rolling.deploy(stage, "7b", quiet)
        for name, pid in before.items():
            (process, *_) = stage.boxes.process(stage.stage.box(name)).members()
            assert (process.pid != pid, process.environ()["VERSION"]) == (True, "7b")
        rolling.scale(stage, 3, quiet)
        for strike in (stage.kill, stage.stop, stage.pause, stage.drain):
            strike("app-2")
            assert eventually(lambda: states(stage)["app-2"] != "UP", within=10)
            stage.heal()
            assert (states(stage)["app-2"], stage.faults()) == ("UP", [])
    assert seen.failed == []
    assert seen.good > 100
    stage.down()
    assert living_below(stage.project.folder) == []


def test_a_balancer_that_is_killed_is_missed_and_comes_back_without_its_drains(stage: LocalRuntime) -> None:
    stage.drain("app-2")
    assert (shown(stage, "app-2").detail, states(stage)["app-2"]) == ("app-2 is drained", "DRAIN")
    stage.kill("balancer")
    assert get(stage, "/healthz") == 0
    with pytest.raises(LabError, match="The balancer does not answer"):
        stage.drain("app-1")
    stage.start("balancer")
    assert (get(stage, "/readyz"), stage.faults()) == (200, [])
    with pytest.raises(LabError, match=r"postgres is no copy of the service.*Copies: app-1, app-2, app-3\."):
        stage.drain("postgres")


def test_a_deploy_cut_short_leaves_what_heal_makes_whole(stage: LocalRuntime, lab_home: Path) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        tool = subprocess.Popen(
            [sys.executable, "-c", TOOL, stage.project.name],
            cwd=ROOT,
            env={**os.environ, "LAB_HOME": str(lab_home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with tool:
            assert tool.stdout is not None
            assert "app-1 is replaced" in tool.stdout.readline()
            assert eventually(lambda: stage.faults() != [], within=30)
            tool.send_signal(number)
        assert tool.returncode != 0
        assert get(stage, "/healthz") == 200
        stage.heal()
        assert (stage.faults(), all(box.ready or box.state == "completed" for box in stage.status())) == ([], True)
        assert {states(stage)[f"app-{copy}"] for copy in (1, 2, 3)} == {"UP"}


def test_a_copy_that_does_not_become_ready_stops_the_deploy(
    stage: LocalRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.runtime.local.launcher.START_DEADLINE", 3.0)
    stage.cut("app-1", "postgres")
    with pytest.raises(LabError, match=r"app-1 did not become ready, so the deploy stops here; app-2, app-3 goes on"):
        rolling.deploy(stage, None, quiet)
    assert get(stage, "/readyz") == 200
    stage.heal()
    assert stage.faults() == []
