"""A box's pid file is locked exactly as long as something of the box lives."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from checks.eventually import eventually
from checks.unit.infra.helpers import soon
from infra.errors import LabError
from infra.project import ROOT
from infra.runtime.local.process import BoxProcess, Launch
from infra.runtime.local.process_table import strays

FOREVER = "import time\ntime.sleep(600)"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    process = BoxProcess(tmp_path / "boxes" / "box.pid")
    yield process
    process.kill()
    for stray in strays(tmp_path / "boxes"):
        stray.kill()


def spawn(box: BoxProcess, *command: str) -> None:
    log = box.pid_file.parent.parent / "log"
    box.spawn(Launch(command, {"PATH": os.environ["PATH"]}, box.pid_file.parent.parent, log))


def python(code: str) -> tuple[str, str, str]:
    return sys.executable, "-c", textwrap.dedent(code)


def log_of(box: BoxProcess) -> str:
    return (box.pid_file.parent.parent / "log").read_text()


def test_one_of_them_that_was_killed_is_none_of_them_though_nobody_takes_note(box: BoxProcess, tmp_path: Path) -> None:
    file = tmp_path / "child.pid"
    spawn(box, "sh", "-c", f"sleep 600 & echo $! >{file}; exec sleep 600")  # the second one asks after no child
    child = eventually(lambda: box.member(file), within=10)
    assert child is not None
    box.kill_member(child)
    assert child.status() == psutil.STATUS_ZOMBIE
    assert box.member(file) is None
    assert box.alive()


def test_it_lives_until_it_is_killed(box: BoxProcess) -> None:
    assert not box.alive()
    spawn(box, *python(FOREVER))
    assert box.alive()
    with pytest.raises(LabError, match="box is running already"):
        spawn(box, "true")
    (member,) = box.members()
    box.kill()
    assert not box.alive()
    assert not psutil.pid_exists(member.pid) or member.status() == psutil.STATUS_ZOMBIE
    assert box.exit_code() == -signal.SIGKILL


def test_it_can_start_anew_and_tells_its_exit_code(box: BoxProcess) -> None:
    for code in (0, 3):
        spawn(box, "sh", "-c", f"exit {code}")
        assert box.wait(5)
        assert box.exit_code() == code


def test_grandchildren_in_sessions_of_their_own_belong_to_it(box: BoxProcess) -> None:
    grandchild = f"import os, subprocess, sys; os.setsid(); subprocess.run([sys.executable, '-c', {FOREVER!r}])"
    spawn(box, *python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"))
    soon(lambda: len(box.members()) == 3)
    box.kill()
    assert not box.alive()
    assert strays(box.pid_file.parent) == []


def test_a_forked_orphan_keeps_the_box_alive_until_it_is_killed_too(box: BoxProcess) -> None:
    """As Postgres' backends outlive a postmaster that was killed from outside, each in a session of its own."""
    code = """
        import os, time
        if os.fork() == 0:
            os.setsid()
        time.sleep(600)
    """
    spawn(box, *python(code))
    soon(lambda: len(box.members()) == 2)
    leader = int(box.pid_file.read_text())
    os.kill(leader, signal.SIGKILL)
    soon(lambda: leader not in {process.pid for process in box.members()})
    assert box.alive()
    box.kill()
    assert not box.alive()


def test_an_orphan_that_closed_what_it_inherited_is_found_as_a_stray(box: BoxProcess) -> None:
    code = f"""
        import subprocess, sys
        nothing = subprocess.DEVNULL
        child = [sys.executable, "-c", {FOREVER!r}]
        subprocess.Popen(child, start_new_session=True, stdout=nothing, stderr=nothing)
    """
    spawn(box, *python(code))
    assert box.wait(5)
    soon(lambda: len(strays(box.pid_file.parent)) == 1)


def test_the_ends_of_shells_and_other_runtimes_are_seen(box: BoxProcess) -> None:
    """Each keeps the lock that it inherited."""
    commands = [("sh", "-c", "true && sleep 600; true"), python(FOREVER)]
    if shutil.which("node"):
        commands.append(("node", "-e", "setTimeout(() => {}, 600000)"))
    for command in commands:
        spawn(box, *command)
        assert not box.wait(0.3)
        box.kill()


def test_stop_lets_it_end_by_itself(box: BoxProcess) -> None:
    code = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("drained"))
        print("up", flush=True)
        time.sleep(600)
    """
    spawn(box, *python(code))
    soon(lambda: "up" in log_of(box))
    box.pause()
    assert box.paused()
    box.stop(signal.SIGTERM, 5, leader_only=False)
    assert not box.alive()
    assert "drained" in log_of(box)


def test_stop_kills_what_does_not_listen(box: BoxProcess) -> None:
    spawn(
        box,
        *python(
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
        ),
    )
    soon(lambda: "1" in log_of(box))
    box.stop(signal.SIGTERM, 0.2, leader_only=False)
    assert not box.alive()
    assert box.exit_code() == -signal.SIGKILL


def test_pause_reaches_every_process(box: BoxProcess) -> None:
    spawn(box, "sh", "-c", "sleep 600 & sleep 600; true")
    soon(lambda: len(box.members()) == 3)
    box.pause()
    assert {process.status() for process in box.members()} == {psutil.STATUS_STOPPED}
    box.send(signal.SIGCONT)
    soon(lambda: not box.paused())
    box.pause()
    box.kill()
    assert not box.alive()


def test_memory_is_that_of_all_its_processes(box: BoxProcess) -> None:
    assert box.memory() is None
    spawn(
        box,
        *python(
            f"blob = bytearray(50_000_000); blob[::4096] = b'x' * len(blob[::4096]); print(1, flush=True)\n{FOREVER}"
        ),
    )
    soon(lambda: "1" in log_of(box))
    memory = box.memory()
    assert memory is not None
    assert 50_000_000 < memory < 200_000_000


def test_a_stale_file_is_dead_and_its_reused_pid_is_left_alone(box: BoxProcess) -> None:
    """After a reboot the number in the file may be anybody's: here the test's own."""
    box.pid_file.parent.mkdir(parents=True)
    box.pid_file.write_text(str(os.getpid()))
    os.utime(box.pid_file, (1, 1))
    assert not box.alive()
    assert box.members() == []
    box.kill()
    spawn(box, *python(FOREVER))
    assert box.alive()


def test_the_tool_that_started_it_may_be_killed(box: BoxProcess) -> None:
    code = f"""
        import os, sys
        from pathlib import Path
        from infra.runtime.local.process import BoxProcess, Launch
        file = Path({str(box.pid_file)!r})
        launch = Launch([sys.executable, "-c", {FOREVER!r}], dict(os.environ), Path("."), file.with_suffix(".log"))
        BoxProcess(file).spawn(launch)
        os.kill(os.getpid(), 9)
    """
    assert subprocess.run(python(code), cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert box.alive()
    soon(lambda: len(box.members()) == 1)
    box.kill()
    assert not box.alive()
    assert box.exit_code() is None


def test_a_foreground_tool_is_held_too(box: BoxProcess, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("hello")
    box.pid_file.parent.mkdir(parents=True)
    launch = Launch(
        ["sh", "-c", 'test "$(cat)" = hello && exit 5'], {"PATH": os.environ["PATH"]}, tmp_path, tmp_path / "log"
    )
    assert box.run(launch, tmp_path / "in") == 5
    assert not box.alive()
