"""A long docker command (build, compose up), followed line by line, that never outlives the `lab` command for long."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from infra.project import Project

_PATIENCE = 10.0  # seconds between SIGTERM and SIGKILL


def follow(
    project: Project,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    each_line: Callable[[str], None],
) -> tuple[int, list[str]]:
    """Run the command, hand over each line as it comes; returns its exit code and its last lines.

    It gets a process group of its own, remembered in the project's folder: Ctrl-C here ends it, and where this process
    is killed, `end_leftover` of the next command does."""
    last: deque[str] = deque(maxlen=200)
    child = subprocess.Popen(
        list(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env=dict(environment),
        start_new_session=True,
    )
    try:
        _note(project, child.pid)
        assert child.stdout is not None
        for line in child.stdout:
            last.append(line.rstrip())
            each_line(line.rstrip())
        return child.wait(), list(last)
    finally:
        if child.poll() is None:
            _end_group(psutil.Process(child.pid))
            child.wait()
        if child.stdout is not None:
            child.stdout.close()
        _path(project).unlink(missing_ok=True)


def end_leftover(project: Project) -> None:
    """End the docker command that a killed `lab` left at work on this project, if there is one."""
    try:
        noted = json.loads(_path(project).read_text())
        process = psutil.Process(noted["pid"])
        if abs(process.create_time() - noted["created"]) < 1.0:
            _end_group(process)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        pass
    _path(project).unlink(missing_ok=True)


def _path(project: Project) -> Path:
    return project.folder / "docker-command.json"


def _note(project: Project, pid: int) -> None:
    project.folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(psutil.NoSuchProcess):
        created = psutil.Process(pid).create_time()
        _path(project).write_text(json.dumps({"pid": pid, "created": created}))


def _end_group(process: psutil.Process) -> None:
    """SIGTERM to its process group, SIGKILL when that does not end it in time."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        deadline = time.monotonic() + _PATIENCE
        while not _over(process) and time.monotonic() < deadline:
            time.sleep(0.02)
        if _over(process):
            return


def _over(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
