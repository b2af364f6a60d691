"""Ports that a stage keeps, and the lock that lets one command at a time change it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checks.unit.infra.helpers import free_port
from infra import state
from infra.errors import LabError
from infra.project import ROOT, Project
from infra.runtime.ports import Ports, is_free, refuse_taken


class TestPorts:
    def test_a_purpose_keeps_its_port(self, lab_home: Path) -> None:
        project = Project("one", 2)
        port = Ports.read(project).get("postgres:5432")
        assert Ports.read(project).get("postgres:5432") == port
        assert is_free(port)
        assert port not in range(32_768, 61_000)  # where kernels take ports for outgoing connections

    def test_no_port_is_promised_twice(self, lab_home: Path) -> None:
        one, two = Ports.read(Project("one", 2)), Ports.read(Project("two", 2))
        given = [ports.get(f"box {number}") for ports in (one, two) for number in range(50)]
        assert len(set(given)) == 100

    def test_a_port_that_somebody_took_is_dropped(self, lab_home: Path) -> None:
        ports = Ports.read(Project("one", 2))
        taken, stays = ports.get("taken"), ports.get("stays")
        with socket.create_server(("127.0.0.1", taken)):
            ports.drop_taken(frozenset())
            assert ports.numbers == {"stays": stays}

    def test_a_spoilt_file_is_begun_anew(self, lab_home: Path) -> None:
        project = Project("one", 2)
        project.folder.mkdir()
        (project.folder / "ports.json").write_text("{")
        assert Ports.read(project).numbers == {}

    def test_who_took_a_port_is_said(self) -> None:
        port = free_port()
        refuse_taken(port, 1)
        with socket.create_server(("127.0.0.1", port)), pytest.raises(LabError, match=f"process {os.getpid()}"):
            refuse_taken(port, 1)

    def test_an_owner_that_cannot_be_seen_is_said_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("psutil.Process.net_connections", lambda process, kind: [])
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with pytest.raises(LabError, match=rf"Port {port} is taken by a process of another user\. Stop it, or"):
                refuse_taken(port, 1)


HOLD = """
import sys, time
from infra import state
from infra.project import Project
with state.locked(Project(sys.argv[1], 1)):
    print("held", flush=True)
    time.sleep(60)
"""


class TestState:
    def test_what_is_saved_is_remembered(self, lab_home: Path) -> None:
        project = Project("one", 2, app=Path("/app"), port=8123, profiles=frozenset({"extra"}), variables={"A": "b"})
        assert state.load("one") is None
        state.save(project, "local")
        assert state.load("one") == (project, "local")

    def test_a_spoilt_file_says_what_to_do(self, lab_home: Path) -> None:
        (lab_home / "one").mkdir()
        (lab_home / "one" / "stage.json").write_text("{}")
        with pytest.raises(LabError, match=r"stage\.json cannot be read .* then run `make down`"):
            state.load("one")

    def test_forget_leaves_the_data_or_nothing(self, lab_home: Path) -> None:
        project = Project("one", 1)
        for volumes in (False, True):
            with state.locked(project):
                state.save(project, "local")
                (project.folder / "volumes" / "links").mkdir(parents=True, exist_ok=True)
                state.forget(project, volumes=volumes)
            assert project.folder.exists() is not volumes
            if not volumes:
                assert [entry.name for entry in project.folder.iterdir()] == ["volumes"]

    def test_one_that_is_taken_down_while_a_command_waits_for_it_does_not_stand(
        self, lab_home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project, waits, try_lock = Project("one", 1), threading.Event(), state._try_lock
        state.save(project, "local")

        def tried(folder: Path) -> int | None:
            waits.set()
            return try_lock(folder)

        def stand() -> None:
            with state.standing(project):
                pytest.fail("it was taken down")

        with ThreadPoolExecutor(1) as other:
            with state.locked(project):
                monkeypatch.setattr(state, "_try_lock", tried)
                waiting = other.submit(stand)
                assert waits.wait(5)
                state.forget(project, volumes=False)
            with pytest.raises(LabError, match="No stage stands"):
                waiting.result(5)
        assert not project.folder.exists()

    def test_the_lock_is_held_by_one_and_freed_by_its_death(self, lab_home: Path) -> None:
        project = Project("one", 1)
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, "one"],
            cwd=ROOT,
            env={**os.environ, "LAB_HOME": str(lab_home)},
            stdout=subprocess.PIPE,
            text=True,
        )
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with (
                pytest.raises(LabError, match=rf"Another lab command \(process {holder.pid}\)"),
                state.locked(project, patience=0.1),
            ):
                raise AssertionError("two hold the lock")
            holder.send_signal(signal.SIGKILL)
        with state.locked(project, patience=1.0):
            assert (project.folder / "lock").read_text() == str(os.getpid())

    def test_a_lock_that_was_removed_meanwhile_is_taken_anew(self, lab_home: Path) -> None:
        """`down` removes the lock file while it holds it: who waited must not end up with a lock on nothing."""
        project = Project("one", 1)
        with state.locked(project):
            waiting = subprocess.Popen(
                [sys.executable, "-c", HOLD, "one"],
                cwd=ROOT,
                env={**os.environ, "LAB_HOME": str(lab_home)},
                stdout=subprocess.PIPE,
                text=True,
            )
            deadline = time.monotonic() + 2
            while waiting.poll() is None and time.monotonic() < deadline and not _has_open(waiting.pid, "lock"):
                time.sleep(0.005)
            state.forget(project, volumes=True)
        with waiting:
            assert waiting.stdout is not None
            assert waiting.stdout.readline() == "held\n"
            with pytest.raises(LabError), state.locked(project, patience=0.1):
                raise AssertionError("two hold the lock")
            waiting.kill()


def _has_open(pid: int, name: str) -> bool:
    folder = Path(f"/proc/{pid}/fd")
    try:
        return any(link.readlink().name == name for link in folder.iterdir())
    except OSError:
        return False
