"""A box as a detached process whose pid file is locked for as long as anything of it lives.

The child inherits the locked descriptor, so "the lock is held" means "some process of this box is alive": there is no
gap when the tool is killed, a file left by a reboot is dead by construction, a reused pid is never taken for ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from infra.errors import LabError
from infra.runtime.local import process_table as table

# Processes that this tool started itself are its children: they must be reaped, or they stay as zombies.
_started: dict[Path, subprocess.Popen[bytes]] = {}
_ended: dict[Path, int] = {}


@dataclass(frozen=True)
class Launch:
    """What is executed: the words of the command, its whole environment, its folder and the file its output goes to."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path


@dataclass(frozen=True)
class BoxProcess:
    """The processes behind one pid file."""

    pid_file: Path

    @property
    def name(self) -> str:
        return self.pid_file.stem

    def alive(self) -> bool:
        """Whether any process of the box lives."""
        _reap()
        try:
            probe = os.open(self.pid_file, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(probe)
        return False

    def spawn(self, launch: Launch) -> None:
        """Start the box in a session of its own. Raises LabError when it still lives."""
        self.exit_code()
        with self.held() as lock, _log_writer(launch.log, self.pid_file, lock) as log:
            child = subprocess.Popen(
                ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.pid_file), *launch.command],
                cwd=launch.folder,
                env={**launch.environment, table.MARK: str(self.pid_file)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
        _started[self.pid_file] = child
        _ended.pop(self.pid_file, None)

    def exit_code(self) -> int | None:
        """How what this tool spawned ended (Popen's returncode); None while it runs or when another tool spawned it."""
        if not self.alive():
            _settle(self.pid_file)
        return _ended.get(self.pid_file)

    def run(self, launch: Launch, stdin: Path | None, stdout: IO[bytes] | None = None) -> int:
        """Run it in the foreground, in the terminal's own session so that Ctrl-C reaches it; return its exit code.

        `launch.log` is not used: it writes to the terminal, or to `stdout`. `stdin` None leaves it the terminal's."""
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(stdin.open("rb")) if stdin else None
            lock = stack.enter_context(self.held())
            child = subprocess.Popen(
                launch.command,
                cwd=launch.folder,
                env={**launch.environment, table.MARK: str(self.pid_file)},
                stdin=source,
                stdout=stdout,
                pass_fds=(lock,),
            )
            os.pwrite(lock, str(child.pid).encode(), 0)
        try:
            return child.wait()
        except BaseException:  # Ctrl-C reached the child too: it has a moment to end by itself
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(2)
            if child.poll() is None:  # a SIGTERM for this tool alone did not
                self.send(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5)
            self.kill()
            child.wait()
            raise

    @contextlib.contextmanager
    def held(self) -> Iterator[int]:
        """The locked descriptor. Closing ours does not unlock it while the child has its own."""
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.pid_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LabError(f"{self.name} is running already.") from None
            os.truncate(lock, 0)
            yield lock
        finally:
            os.close(lock)

    def members(self) -> list[psutil.Process]:
        """Every living process of the box: its session, and the descendants that opened sessions of their own."""
        leader = self._leader()
        living = table.family(leader) if leader else []
        return living or (table.holders(self.pid_file) if self.alive() else [])

    def member(self, file: Path) -> psutil.Process | None:
        """That one of them whose pid the file begins with; None when it has ended, also when its parent, on a busy
        machine, has not yet taken note of that."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(file.read_text().split()[0])
            return next((process for process in self.members() if process.pid == pid and table.lives(process)), None)
        return None

    def kill_member(self, member: psutil.Process) -> None:
        """SIGKILL one of them; it is gone on return unless the kernel holds it for longer than a moment."""
        deadline = time.monotonic() + 2.0
        table.send([member], signal.SIGKILL)
        while table.lives(member) and time.monotonic() < deadline:
            time.sleep(0.005)

    def _leader(self) -> int | None:
        """The pid in the file, unless another process got that number since. A file still empty is waited for."""
        deadline = time.monotonic() + 2.0
        while True:
            with contextlib.suppress(OSError, ValueError):
                pid = int(self.pid_file.read_text())
                with contextlib.suppress(psutil.Error):
                    # psutil reckons start times from the boot time, which is good to about a second.
                    if psutil.Process(pid).create_time() > self.pid_file.stat().st_mtime + 2.0:
                        return None
                return pid
            if time.monotonic() > deadline or not self.alive():
                return None
            time.sleep(0.005)

    def send(self, number: signal.Signals, *, leader_only: bool = False) -> None:
        """Signal the box's processes, or the one that was started first alone."""
        members = self.members()
        leader = self._leader()
        if leader_only and leader in {process.pid for process in members}:
            members = [process for process in members if process.pid == leader]
        table.send(members, number)

    def wait(self, seconds: float) -> bool:
        """Whether everything of the box ended within that time."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def kill(self) -> None:
        """SIGKILL everything of the box and wait until it is gone. Raises LabError when the kernel does not let go."""
        deadline = time.monotonic() + 10.0
        dying: list[psutil.Process] = []
        while self.alive() or any(table.lives(process) for process in dying):
            if time.monotonic() > deadline:
                pids = ", ".join(str(process.pid) for process in self.members())
                raise LabError(
                    f"{self.name} does not die (processes {pids}). Look at them with `ps`, then `make down`."
                )
            dying += self.members()
            table.send(dying, signal.SIGKILL)
            self.wait(0.1)

    def kill_strays(self) -> None:
        """Kill what a box that is dead by its lock has left: see `table.strays`."""
        if self.pid_file.exists():
            table.end_strays(self.pid_file)

    def stop(self, number: signal.Signals, seconds: float, *, leader_only: bool) -> None:
        """Ask it to end with that signal, also when it is paused; SIGKILL after `seconds`."""
        self.ask_to_end(number, leader_only=leader_only)
        if not self.wait(seconds):
            self.kill()

    def ask_to_end(self, number: signal.Signals, *, leader_only: bool) -> None:
        """Send that signal, also when it is paused, and do not wait."""
        if self.alive():
            self.send(number, leader_only=leader_only)
            if self.paused():
                self.send(signal.SIGCONT)

    def pause(self) -> None:
        """SIGSTOP everything, again until no process is left that was forked meanwhile."""
        deadline = time.monotonic() + 2.0
        while not self.paused() and time.monotonic() < deadline:
            self.send(signal.SIGSTOP)

    def paused(self) -> bool:
        """Whether every process of the box is stopped."""
        leader = self._leader()
        if leader is not None and table.runs(leader):
            return False  # most often so, and known without a look at each process of the machine
        members = self.members()
        return bool(members) and all(table.status(process) == psutil.STATUS_STOPPED for process in members)

    def memory(self) -> int | None:
        """Bytes of memory, pages shared between the box's processes counted once (Linux), else their sum."""
        sizes = [table.memory(process) for process in self.members()]
        return sum(sizes) if sizes else None


@contextlib.contextmanager
def _log_writer(log: Path, pid_file: Path, lock: int) -> Iterator[int]:
    """The end of a pipe that a process of its own writes to the file, until nobody has it open any more.

    So a box can still tell its troubles when its own disk is full. The writer holds the lock too: a box whose lock is
    free has its whole log written."""
    source, sink = os.pipe()
    try:
        with log.open("ab") as file:
            _settle(log)
            _started[log] = subprocess.Popen(
                ["cat"],
                env={"PATH": os.environ.get("PATH", os.defpath), table.MARK: str(pid_file)},
                stdin=source,
                stdout=file,
                stderr=file,
                start_new_session=True,
                pass_fds=(lock,),
            )
        yield sink
    finally:
        os.close(source)
        os.close(sink)


def _reap() -> None:
    for pid_file, child in list(_started.items()):
        if child.poll() is not None:
            _started.pop(pid_file, None)
            _ended[pid_file] = child.returncode


def _settle(key: Path) -> None:
    """Reap the child that was started under that key: it closed its files, so the kernel is about to report its end."""
    child = _started.get(key)
    if child is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
    _reap()
