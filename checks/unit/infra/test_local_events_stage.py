"""Lab 3's stage in the local runtime, with a tiny app: Redis, Kafka and worker boxes, their links and their faults."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
from pathlib import Path

import psutil
import pytest

from checks.eventually import eventually
from checks.unit.infra.conftest import OpenStage
from checks.unit.infra.helpers import living_below, name_of, soon
from checks.unit.infra.looking import get, quiet, shown, status_at
from infra import own_variables
from infra.errors import LabError, NotSupported
from infra.runtime.local.runtime import LocalRuntime

_WHOLE_STAGE = 120.0  # seconds that whatever a fault broke has to come back, on a machine with much to do


@pytest.fixture
def stage(open_stage: OpenStage) -> LocalRuntime:
    runtime = open_stage(3)
    runtime.up(quiet)
    works(runtime, "worker", "/healthz")
    return runtime


def ask(runtime: LocalRuntime, box: str, path: str) -> int:
    """The status that this box's copy of the tiny server answers; 0 when it does not."""
    return status_at(runtime.address(box), path, seconds=8)


def works(runtime: LocalRuntime, box: str, path: str) -> None:
    """A worker counts as ready once it runs, so that its server may still be starting."""
    assert eventually(lambda: ask(runtime, box, path) == 200, within=_WHOLE_STAGE)


def secrets_of(runtime: LocalRuntime) -> set[str]:
    own = own_variables.own_variables(runtime.project)
    return {own["POSTGRES_PASSWORD"], own["REDIS_PASSWORD"]}


def test_it_stands_and_leaves_nothing(open_stage: OpenStage) -> None:
    runtime, said = open_stage(3), list[str]()
    runtime.up(said.append)
    names = [box.name for box in runtime.stage.boxes]
    assert set(names) == {"postgres", "redis", "kafka", "topics", "migrate-lab3", "app-lab3", "worker"}
    assert {box.name: box.state for box in runtime.status() if box.state != "running"} == {
        "topics": "completed",
        "migrate-lab3": "completed",
    }
    assert all(box.ready for box in runtime.status())
    works(runtime, "worker", "/healthz")
    for name in ("app", "worker"):
        assert [ask(runtime, name, path) for path in ("/readyz", "/redis", "/kafka")] == [200, 200, 200]
    for box in runtime.stage.boxes:
        for process in runtime.boxes.process(box).members():
            with contextlib.suppress(psutil.NoSuchProcess):  # Postgres ends the process of a client that left
                assert {place.laddr[0] for place in process.net_connections("tcp")} <= {"127.0.0.1"}
    assert not any(secret in line for secret in secrets_of(runtime) for line in said)
    runtime.down()
    assert living_below(runtime.project.folder) == []
    assert {entry.name for entry in runtime.project.folder.iterdir()} == {"volumes", "own.json"}
    assert stat.S_IMODE((runtime.project.folder / "own.json").stat().st_mode) == 0o600
    runtime.up(quiet)
    assert get(runtime, "/readyz") == 200
    works(runtime, "worker", "/kafka")


def test_no_password_shows(stage: LocalRuntime) -> None:
    hidden = secrets_of(stage)
    assert all(len(secret) >= 20 for secret in hidden)
    words = [word for process in living_below(stage.project.folder) for word in process.cmdline()]
    words += [word for box in ("postgres", "kafka") for word in stage.connect(box)]
    logs = [file.read_text(errors="replace") for file in (stage.project.folder / "logs").iterdir()]
    shown_rows = [str(row) for row in stage.status()]
    for secret in hidden:
        assert not any(secret in text for text in (*words, *logs, *shown_rows))


@pytest.mark.parametrize(("box", "path"), [("redis", "/redis"), ("kafka", "/kafka")])
def test_faults_of_a_server_break_what_needs_it_and_heal(stage: LocalRuntime, box: str, path: str) -> None:
    for break_it in (stage.kill, stage.pause, stage.stop):
        break_it(box)
        assert shown(stage, box).state in ("dead", "paused")
        assert [ask(stage, "worker", path), ask(stage, "app", "/healthz")] == [503, 200]
        stage.heal()
        works(stage, "worker", path)
        assert stage.faults() == []
    stage.kill(box)
    stage.start(box)
    assert ask(stage, "worker", path) == 200
    stage.restart(box)
    assert (ask(stage, "worker", path), stage.faults()) == (200, [])
    with pytest.raises(NotSupported, match=f"The disk of {box} cannot be filled in the local runtime"):
        stage.fill(box)


@pytest.mark.parametrize(("box", "path"), [("redis", "/redis"), ("kafka", "/kafka")])
def test_each_link_is_cut_and_slowed_by_itself(stage: LocalRuntime, box: str, path: str) -> None:
    stage.cut("worker", box)
    assert (ask(stage, "worker", path), ask(stage, "app", path)) == (503, 200)
    stage.heal()
    works(stage, "worker", path)
    stage.slow("app", box, 2.5)
    assert (ask(stage, "app", path), ask(stage, "worker", path)) == (503, 200)
    stage.heal()
    works(stage, "app", path)


def test_faults_of_a_worker(stage: LocalRuntime) -> None:
    stage.kill("worker")
    assert (shown(stage, "worker").state, ask(stage, "worker", "/healthz")) == ("dead", 0)
    assert ask(stage, "app", "/kafka") == 200
    stage.start("worker")
    works(stage, "worker", "/healthz")
    stage.pause("worker")
    assert shown(stage, "worker").state == "paused"
    stage.resume("worker")
    assert ask(stage, "worker", "/kafka") == 200
    stage.stop("worker")
    assert shown(stage, "worker").state == "dead"
    stage.heal()
    stage.restart("worker")
    works(stage, "worker", "/kafka")


def test_a_broker_killed_from_outside_shows_and_comes_back(stage: LocalRuntime) -> None:
    leader = next(one for one in stage.boxes.process(stage.stage.box("kafka")).members() if "java" in name_of(one))
    os.kill(leader.pid, signal.SIGKILL)
    soon(lambda: shown(stage, "kafka").state == "dead", within=30)
    assert ask(stage, "worker", "/kafka") == 503
    stage.heal()
    works(stage, "worker", "/kafka")


def test_a_port_taken_meanwhile_is_given_up(open_stage: OpenStage, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = open_stage(3)
    first = runtime.address("kafka")[1]
    with socket.create_server(("127.0.0.1", first)):
        runtime.up(quiet)
        assert runtime.address("kafka")[1] != first
        works(runtime, "worker", "/kafka")
        runtime.down()
        monkeypatch.setenv("KAFKA_PORT", str(first))
        mine = open_stage(3)
        with pytest.raises(LabError, match=rf"Port {first} is taken .* make lab-3 KAFKA_PORT="):
            mine.up(quiet)
    assert living_below(mine.project.folder) == []


def test_a_process_that_must_be_there_is_asked_for(open_stage: OpenStage, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: true\n")
    with pytest.raises(LabError, match=r"no `worker` process, which this lab needs. Add a line `worker: …` to it"):
        open_stage(3, app=tmp_path).up(quiet)
