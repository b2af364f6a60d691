"""Questions to the machine's table of processes: who lives, who belongs to whom, how much memory is theirs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil

MARK = "LAB_BOX"  # in a process's environment: the pid file of the box that it belongs to


def family(leader: int) -> list[psutil.Process]:
    """Those that live of the leader, its session, and the descendants of both, which may have opened sessions of their
    own: a Postgres that Patroni started has no parent any more, and its own children have each a session."""
    found: dict[int, psutil.Process] = {}
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):
            if pid == leader or os.getsid(pid) == leader:
                found[pid] = psutil.Process(pid)
    for process in list(found.values()):
        with contextlib.suppress(psutil.Error):
            if process.ppid() not in found:
                found |= {child.pid: child for child in process.children(recursive=True)}
    return [process for process in found.values() if lives(process)]


def holders(file: Path) -> list[psutil.Process]:
    """Whoever else has the file open."""
    found, path = [], str(file.resolve())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if any(opened.path == path for opened in process.open_files()):
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def strays(place: Path) -> list[psutil.Process]:
    """Processes of the box with that pid file, or of all boxes in that folder, whether they hold its lock or not.

    A child that closed what it inherited and outlived its parent does not."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mark = process.environ().get(MARK)
            if mark is not None and place in (Path(mark), Path(mark).parent) and lives(process):
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def end_strays(place: Path) -> None:
    """Kill them and wait until they are gone, for 5 s at most."""
    deadline = time.monotonic() + 5.0
    while (found := strays(place)) and time.monotonic() < deadline:
        send(found, signal.SIGKILL)


def send(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Signal those of them that are still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.Error:
        return psutil.STATUS_DEAD


def runs(pid: int) -> bool:
    """It lives and is not stopped."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return lives(process) and status(process) != psutil.STATUS_STOPPED
    return False


def lives(process: psutil.Process) -> bool:
    return status(process) not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def memory(process: psutil.Process) -> int:
    """Bytes; a page that several processes share counts in parts (Linux), else whole."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        return int(text.partition("Pss:")[2].split()[0]) * 1024
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
