"""A stage of plain processes stands, falls and is broken; nothing is left of it, however it ends."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.unit.infra.conftest import TINY_APP, OpenStage
from checks.unit.infra.helpers import free_port, living_below, soon
from checks.unit.infra.looking import get, quiet, shown, volume
from infra.errors import LabError
from infra.project import Project
from infra.runtime.local.runtime import LocalRuntime
from infra.runtime.ports import is_free


class TestLab1:
    def test_up_and_down_twice(self, open_stage: OpenStage) -> None:
        runtime, said = open_stage(1), list[str]()
        assert [box.state for box in runtime.status()] == ["absent"]
        runtime.up(said.append)
        assert get(runtime, "/healthz") == 200
        assert runtime.address("app") == ("127.0.0.1", runtime.project.port)
        app = shown(runtime, "app")
        assert (app.state, app.ready, app.address) == ("running", True, f"127.0.0.1:{runtime.project.port}")
        assert app.memory is not None
        assert app.memory > 1_000_000
        assert "listening" in runtime.logs("app")
        first = runtime.boxes.process(runtime.stage.box("app")).members()
        runtime.up(said.append)
        assert runtime.boxes.process(runtime.stage.box("app")).members() == first
        assert said[-1] == "The stage is up already."
        for _ in range(2):
            runtime.down()
            assert living_below(runtime.project.folder) == []
            assert is_free(runtime.project.port)
        kept = {entry.name for entry in runtime.project.folder.glob("*")}
        assert kept <= {"volumes", "own.json"}

    def test_data_outlives_down_unless_asked(self, open_stage: OpenStage) -> None:
        runtime = open_stage(1)
        runtime.up(quiet)
        assert get(runtime, "/append") == 200
        runtime.down()
        file = volume(runtime, "links") / "links.json"
        assert file.stat().st_size == 100
        runtime.up(quiet)
        assert get(runtime, "/append") == 200
        assert file.stat().st_size == 200
        runtime.down(volumes=True)
        assert not runtime.project.folder.exists()

    def test_a_killed_box_stays_dead_until_started(self, open_stage: OpenStage) -> None:
        runtime = open_stage(1)
        runtime.up(quiet)
        runtime.kill("app")
        assert shown(runtime, "app").state == "dead"
        assert runtime.faults() == ["app-lab1 was killed"]
        assert get(runtime, "/healthz") == 0
        with pytest.raises(LabError, match=r"app-lab1 is not running"):
            runtime.kill("app")
        runtime.start("app")
        assert runtime.faults() == []
        assert get(runtime, "/healthz") == 200
        runtime.stop("app")
        assert shown(runtime, "app").state == "dead"
        runtime.heal()
        assert (get(runtime, "/healthz"), runtime.faults()) == (200, [])

    def test_a_kill_from_outside_is_seen(self, open_stage: OpenStage) -> None:
        runtime = open_stage(1)
        runtime.up(quiet)
        for process in runtime.boxes.process(runtime.stage.box("app")).members():
            process.kill()
        soon(lambda: shown(runtime, "app").state == "dead")
        assert runtime.faults() == []
        runtime.heal()
        assert get(runtime, "/healthz") == 200

    def test_a_paused_box_can_be_resumed_killed_and_taken_down(self, open_stage: OpenStage) -> None:
        runtime = open_stage(1)
        runtime.up(quiet)
        runtime.pause("app")
        assert shown(runtime, "app").state == "paused"
        with pytest.raises(LabError, match="paused, not dead"):
            runtime.start("app")
        runtime.resume("app")
        assert (get(runtime, "/healthz"), runtime.faults()) == (200, [])
        runtime.pause("app")
        runtime.kill("app")
        assert runtime.faults() == ["app-lab1 was killed"]
        runtime.start("app")
        runtime.pause("app")
        runtime.down()
        assert living_below(runtime.project.folder) == []

    @pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux' own")
    def test_a_full_disk_until_healed(self, open_stage: OpenStage) -> None:
        runtime = open_stage(1)
        runtime.up(quiet)
        assert get(runtime, "/append") == 200
        runtime.fill("app")
        assert runtime.faults() == ["the disk of app-lab1 is full"]
        assert get(runtime, "/append") == 503
        assert get(runtime, "/healthz") == 200
        runtime.heal()
        assert get(runtime, "/append") == 200
        runtime.fill("app")
        runtime.restart("app")
        assert runtime.faults() == []
        assert get(runtime, "/append") == 200

    def test_two_projects_side_by_side(self, open_stage: OpenStage) -> None:
        one, two = open_stage(1, "one"), open_stage(1, "two")
        one.up(quiet)
        two.up(quiet)
        one.kill("app")
        assert get(two, "/healthz") == 200
        one.down()
        assert get(two, "/healthz") == 200

    def test_a_tool_runs_in_the_foreground(self, open_stage: OpenStage, capfd: pytest.CaptureFixture[str]) -> None:
        runtime = open_stage(1)
        with pytest.raises(LabError, match="No stage stands"):
            runtime.run("import")
        runtime.up(quiet)
        assert get(runtime, "/append") == 200
        assert runtime.run("import") == 0
        assert capfd.readouterr().out == "first\n" + "x" * 100

    def test_without_a_stage_every_fault_says_so(self, open_stage: OpenStage) -> None:
        runtime = open_stage(1)
        for verb in (runtime.kill, runtime.start, runtime.stop, runtime.pause, runtime.resume, runtime.fill):
            with pytest.raises(LabError, match=r"No stage stands\. Bring it up with `make lab-1`"):
                verb("app")
        with pytest.raises(LabError, match="No stage stands"):
            runtime.heal()
        with pytest.raises(LabError, match="There is no box postgres"):
            runtime.kill("postgres")


class TestUpThatFails:
    def test_a_port_taken_by_a_stranger(self, open_stage: OpenStage) -> None:
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            port = stranger.getsockname()[1]
            runtime = open_stage(1, port=port)
            who = rf"Port {port} is taken by .+ \(process {os.getpid()}\)\. Stop it, or .+: make lab-1 PORT=\d+"
            with pytest.raises(LabError, match=who):
                runtime.up(quiet)
        assert not (runtime.project.folder / "stage.json").exists()

    def test_a_port_taken_by_another_stage(self, open_stage: OpenStage) -> None:
        one = open_stage(1, "one")
        one.up(quiet)
        with pytest.raises(LabError, match=r"taken by the stage one of this kit .*make down PROJECT=one"):
            open_stage(1, "two", port=one.project.port).up(quiet)
        assert get(one, "/healthz") == 200

    def test_a_box_that_dies_shows_its_log(self, open_stage: OpenStage, tmp_path: Path) -> None:
        app = tmp_path / "app"
        app.mkdir()
        (app / "Procfile").write_text("web: echo what went wrong && exit 3\n")
        runtime = open_stage(1, app=app)
        with pytest.raises(LabError, match=r"app-lab1 ended with exit code 3 .*\n.*what went wrong"):
            runtime.up(quiet)
        assert not (runtime.project.folder / "stage.json").exists()

    def test_a_failing_release_takes_postgres_down_again(self, open_stage: OpenStage, tmp_path: Path) -> None:
        app = tmp_path / "app"
        shutil.copytree(TINY_APP, app)
        (app / "release.py").write_text("import sys\nsys.exit('no such table')\n")
        runtime = open_stage(2, app=app)
        with pytest.raises(LabError, match=r"migrate ended with exit code 1 .*\nno such table"):
            runtime.up(quiet)
        assert living_below(runtime.project.folder) == []

    @pytest.mark.parametrize(
        ("number", "why"),
        [(errno.ENOSPC, "The disk is full"), (errno.EACCES, "belongs to another user"), (errno.EIO, "cannot be used")],
    )
    def test_what_the_machine_refuses_is_a_sentence(
        self, open_stage: OpenStage, monkeypatch: pytest.MonkeyPatch, number: int, why: str
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number), "/some/file")

        runtime = open_stage(2)
        with monkeypatch.context() as patch:
            patch.setattr("shutil.copytree", refuse)
            with pytest.raises(LabError, match=why):
                runtime.up(quiet)
        assert living_below(runtime.project.folder) == []

    def test_an_unreadable_compose_file_stops_up_but_not_down(self, lab_home: Path, tmp_path: Path) -> None:
        good = LocalRuntime(Project("stage", 1, app=TINY_APP, port=free_port()))
        good.up(quiet)
        (tmp_path / "docker-compose.yml").write_text("services: {a: {foo: 1}}\n")
        broken = LocalRuntime(good.project, tmp_path / "docker-compose.yml")
        verbs: list[Callable[[], object]] = [lambda: broken.up(quiet), broken.status, broken.heal]
        verbs.append(lambda: broken.kill("app"))
        for refused in verbs:
            with pytest.raises(LabError, match=r"docker-compose\.yml:1: `foo`"):
                refused()
        broken.down(volumes=True)
        assert living_below(good.project.folder) == []
        assert not good.project.folder.exists()
