"""A stage of plain processes stands, falls and is broken; nothing is left of it, however it ends."""

from __future__ import annotations

import errno
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from checks.unit.infra.conftest import TINY_APP, OpenStage
from checks.unit.infra.helpers import free_port, living_below, soon
from infra import state
from infra.errors import LabError, NotSupported
from infra.project import ROOT, Project
from infra.runtime.local.runtime import LocalRuntime
from infra.runtime.ports import is_free
from infra.runtime.protocol import BoxStatus


def get(runtime: LocalRuntime, path: str) -> int:
    """The status that the service answers; 0 when it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", runtime.project.port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def quiet(_: str) -> None:
    """No progress wanted."""


def shown(runtime: LocalRuntime, box: str) -> BoxStatus:
    name = runtime.stage.box(box).name
    return next(status for status in runtime.status() if status.name == name)


def volume(runtime: LocalRuntime, name: str) -> Path:
    return runtime.project.folder / "volumes" / name


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
        assert not runtime.project.folder.exists() or [e.name for e in runtime.project.folder.iterdir()] == ["volumes"]

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


class TestLab2:
    def test_the_whole_of_it(self, open_stage: OpenStage, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        runtime, said = open_stage(2), list[str]()
        runtime.up(said.append)
        assert [line.split(" (")[0] for line in said] == ["postgres is ready", "migrate is done", "app-lab2 is ready"]
        assert [box.state for box in runtime.status()] == ["running", "completed", "running"]
        assert all(box.ready for box in runtime.status())
        assert get(runtime, "/readyz") == 200

        faults: list[Callable[[], None]] = [
            lambda: runtime.kill("postgres"),
            lambda: runtime.pause("postgres"),
            lambda: runtime.cut("app", "postgres"),
            lambda: runtime.slow("postgres", "app", 2.0),
        ]
        for fault in faults:
            fault()
            assert len(runtime.faults()) == 1
            assert get(runtime, "/readyz") in (0, 503)
            runtime.heal()
            assert (get(runtime, "/readyz"), runtime.faults()) == (200, [])
        runtime.restart("postgres")
        assert get(runtime, "/readyz") == 200

        with pytest.raises(NotSupported, match="postgres cannot be filled"):
            runtime.fill("postgres")
        with pytest.raises(LabError, match="no link between app-lab2 and migrate"):
            runtime.cut("app", "migrate")
        with pytest.raises(LabError, match="migrate has done its work"):
            runtime.kill("migrate")

        (tmp_path / "in").write_text("input")
        assert runtime.run("seed", ["1", "two words"], stdin=tmp_path / "in") == 7
        assert "['1', 'two words'] input (0,)" in capfd.readouterr().out
        asked = subprocess.run(
            [*runtime.connect("postgres"), "-Atc", "SHOW max_connections"], capture_output=True, check=True
        )
        assert asked.stdout == b"50\n"

        for box in runtime.stage.boxes:
            for process in runtime.boxes.process(box).members():
                for connection in process.net_connections("tcp"):
                    assert connection.laddr[0] == "127.0.0.1"
        runtime.down()
        assert living_below(runtime.project.folder) == []

    def test_postgres_is_durable_and_asks_for_its_password(self, open_stage: OpenStage) -> None:
        runtime = open_stage(2)
        runtime.up(quiet)

        def ask(statement: str) -> str:
            words = [*runtime.connect("postgres"), "-Atc", statement]
            return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert ask(f"SHOW {setting}") == "on"
        ask("CREATE TABLE kept AS SELECT 42 AS answer")
        runtime.kill("postgres")
        runtime.start("postgres")
        assert ask("SELECT answer FROM kept") == "42"
        runtime.down()
        runtime.up(quiet)
        assert ask("SELECT answer FROM kept") == "42"
        psql, url = runtime.connect("postgres")
        refused = subprocess.run([psql, url.replace(":lab@", ":wrong@")], capture_output=True, text=True, check=False)
        assert "password authentication failed" in refused.stderr

    @pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' list of shared memory")
    def test_a_killed_postgres_leaves_no_shared_memory(self, open_stage: OpenStage) -> None:
        def kept() -> list[str]:
            rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
            return [row.split()[1] for row in rows]

        runtime = open_stage(2)
        runtime.up(quiet)
        mine = (volume(runtime, "postgres-data") / "postmaster.pid").read_text().splitlines()[6].split()[1]
        assert mine in kept()
        runtime.kill("postgres")
        assert mine in kept()
        runtime.down()
        assert mine not in kept()

    def test_up_starts_what_does_not_run(self, open_stage: OpenStage) -> None:
        runtime, said = open_stage(2), list[str]()
        runtime.up(quiet)
        runtime.kill("postgres")
        runtime.boxes.relay.process.kill()
        runtime.up(said.append)
        assert get(runtime, "/readyz") == 200
        assert runtime.faults() == []
        runtime.cut("app", "postgres")
        runtime.up(said.append)
        assert any("Still in force: no bytes pass" in line for line in said)
        assert len(runtime.faults()) == 1

    def test_a_reboots_stale_files_do_no_harm(self, open_stage: OpenStage) -> None:
        runtime = open_stage(2)
        runtime.up(quiet)
        boxes = runtime.project.folder / "boxes"
        for process in living_below(boxes):
            process.kill()
        soon(lambda: not any(box.state == "running" for box in runtime.status()))
        # After a reboot the numbers in the files may be anybody's.
        stale = [*boxes.glob("*.pid"), volume(runtime, "postgres-data") / "postmaster.pid"]
        for file in stale:
            lines = file.read_text().splitlines() or [""]
            file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
            os.utime(file, (1, 1))
        state.set_faults(runtime.project, [state.Fault("postgres is paused", "resume", ("postgres",))])
        runtime.up(quiet)
        assert get(runtime, "/readyz") == 200
        assert runtime.faults() == []
        runtime.down()
        assert psutil.pid_exists(os.getppid())


TOOL = """
import sys
from pathlib import Path
from infra.project import Project
from infra.runtime.local.runtime import LocalRuntime
name, app, port = sys.argv[1:]
LocalRuntime(Project(name, 2, app=Path(app), port=int(port))).up(lambda line: print(line, flush=True))
"""


class TestUpThatIsInterrupted:
    """`up` runs in a process of its own, which gets the signal when Postgres is ready and the service is not."""

    @pytest.fixture
    def interrupt(self, lab_home: Path) -> Callable[[Project, list[signal.Signals]], subprocess.Popen[str]]:
        def interrupt(project: Project, signals: list[signal.Signals]) -> subprocess.Popen[str]:
            tool = subprocess.Popen(
                [sys.executable, "-c", TOOL, project.name, str(project.app), str(project.port)],
                cwd=ROOT,
                env={**os.environ, "LAB_HOME": str(lab_home)},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert tool.stdout is not None
            with tool:
                assert "postgres is ready" in tool.stdout.readline()
                for number in signals:
                    tool.send_signal(number)
                tool.stdout.read()
            return tool

        return interrupt

    @pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT] * 3, [signal.SIGTERM]])
    def test_ctrl_c_takes_everything_down_again(
        self,
        interrupt: Callable[[Project, list[signal.Signals]], subprocess.Popen[str]],
        open_stage: OpenStage,
        signals: list[signal.Signals],
    ) -> None:
        project = open_stage(2).project
        tool = interrupt(project, signals)
        assert tool.returncode not in (0, -signal.SIGKILL)
        assert living_below(project.folder) == []
        assert is_free(project.port)
        assert {entry.name for entry in project.folder.iterdir()} <= {"volumes"}

    @pytest.mark.parametrize("then", ["up", "down"])
    def test_a_killed_tool_leaves_what_the_next_command_cleans(
        self,
        interrupt: Callable[[Project, list[signal.Signals]], subprocess.Popen[str]],
        open_stage: OpenStage,
        then: str,
    ) -> None:
        runtime = open_stage(2)
        assert interrupt(runtime.project, [signal.SIGKILL]).returncode == -signal.SIGKILL
        assert living_below(runtime.project.folder) != []
        remembered = state.load(runtime.project.name)
        assert remembered == (replace(runtime.project), "local")
        if then == "up":
            runtime.up(quiet)
            assert get(runtime, "/readyz") == 200
        runtime.down()
        assert living_below(runtime.project.folder) == []
        assert is_free(runtime.project.port)
