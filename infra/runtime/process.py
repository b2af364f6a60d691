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

import psutil

from infra.errors import LabError

_MARK = "LAB_BOX"  # tells in a process's environment which box it belongs to
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
        with self.held() as lock, launch.log.open("ab") as log:
            child = subprocess.Popen(
                ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.pid_file), *launch.command],
                cwd=launch.folder,
                env={**launch.environment, _MARK: str(self.pid_file)},
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
        child = _started.get(self.pid_file)
        if child is not None and not self.alive():
            child.wait(5)  # its files are closed already: the kernel is about to report its end
        _reap()
        return _ended.get(self.pid_file)

    def run(self, launch: Launch, stdin: Path | None) -> int:
        """Run it in the foreground, in the terminal's own session so that Ctrl-C reaches it; return its exit code.

        `launch.log` is not used: it writes to the terminal. `stdin` None leaves it the terminal's input."""
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(stdin.open("rb")) if stdin else None
            lock = stack.enter_context(self.held())
            child = subprocess.Popen(
                launch.command,
                cwd=launch.folder,
                env={**launch.environment, _MARK: str(self.pid_file)},
                stdin=source,
                pass_fds=(lock,),
            )
            os.pwrite(lock, str(child.pid).encode(), 0)
        try:
            return child.wait()
        except BaseException:  # Ctrl-C reached the child too: it has a moment to end by itself
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
        found: dict[int, psutil.Process] = {}
        for pid in psutil.pids() if leader else []:
            with contextlib.suppress(psutil.Error, OSError):
                if pid == leader or os.getsid(pid) == leader:
                    found[pid] = psutil.Process(pid)
        if leader in found:
            with contextlib.suppress(psutil.Error):
                found |= {child.pid: child for child in found[leader].children(recursive=True)}
        living = [process for process in found.values() if _lives(process)]
        return living or (self._holders() if self.alive() else [])

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

    def _holders(self) -> list[psutil.Process]:
        """Whoever has the pid file open: the processes that outlived their leader."""
        found, path = [], str(self.pid_file.resolve())
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if any(file.path == path for file in process.open_files()):
                    found.append(process)
        return [process for process in found if process.pid != os.getpid()]

    def send(self, number: signal.Signals, *, leader_only: bool = False) -> None:
        """Signal the box's processes, or the one that was started first alone."""
        members = self.members()
        leader = self._leader()
        if leader_only and leader in {process.pid for process in members}:
            members = [process for process in members if process.pid == leader]
        _signal(members, number)

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
        while self.alive() or any(_lives(process) for process in dying):
            if time.monotonic() > deadline:
                pids = ", ".join(str(process.pid) for process in self.members())
                raise LabError(
                    f"{self.name} does not die (processes {pids}). Look at them with `ps`, then `make down`."
                )
            dying += self.members()
            _signal(dying, signal.SIGKILL)
            self.wait(0.1)

    def kill_strays(self) -> None:
        """Kill what a box that is dead by its lock has left: see `strays`."""
        if self.pid_file.exists():
            _signal(strays(self.pid_file), signal.SIGKILL)

    def stop(self, number: signal.Signals, seconds: float, *, leader_only: bool) -> None:
        """Ask it to end with that signal, also when it is paused; SIGKILL after `seconds`."""
        if not self.alive():
            return
        self.send(number, leader_only=leader_only)
        if self.paused():
            self.send(signal.SIGCONT)
        if not self.wait(seconds):
            self.kill()

    def pause(self) -> None:
        """SIGSTOP everything, again until no process is left that was forked meanwhile."""
        deadline = time.monotonic() + 2.0
        while not self.paused() and time.monotonic() < deadline:
            self.send(signal.SIGSTOP)

    def paused(self) -> bool:
        """Whether every process of the box is stopped."""
        members = self.members()
        return bool(members) and all(_status(process) == psutil.STATUS_STOPPED for process in members)

    def memory(self) -> int | None:
        """Bytes of memory, pages shared between the box's processes counted once (Linux), else their sum."""
        sizes = [_memory(process) for process in self.members()]
        return sum(sizes) if sizes else None


def strays(place: Path) -> list[psutil.Process]:
    """Processes of the box with that pid file, or of all boxes in that folder, whether they hold its lock or not.

    A child that closed what it inherited and outlived its parent does not."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mark = process.environ().get(_MARK)
            if mark is not None and place in (Path(mark), Path(mark).parent) and _lives(process):
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _reap() -> None:
    for pid_file, child in list(_started.items()):
        if child.poll() is not None:
            _started.pop(pid_file, None)
            _ended[pid_file] = child.returncode


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.Error:
        return psutil.STATUS_DEAD


def _lives(process: psutil.Process) -> bool:
    return _status(process) not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def _memory(process: psutil.Process) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        return int(text.partition("Pss:")[2].split()[0]) * 1024
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
