"""What the infrastructure's tests share: waiting with a deadline, ports, and what is left of a stage."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import psutil

from checks.eventually import eventually
from infra.runtime.ports import is_free


def soon(probe: Callable[[], object], within: float = 10.0) -> None:
    """Asserts that it holds before the deadline."""
    assert eventually(probe, within=within, every=0.01)


def free_port() -> int:
    """Outside the kernel's range for outgoing connections and the local runtime's own range."""
    return next(port for port in random.sample(range(15_000, 19_900), k=1000) if is_free(port))


def living_below(folder: Path) -> list[psutil.Process]:
    """Processes whose command line or environment names the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            told = " ".join([*process.cmdline(), process.environ().get("LAB_BOX", "")])
            if str(folder) in told and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def name_of(process: psutil.Process) -> str:
    """Nothing for one that has just ended, as the helpers of a server do at any moment."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""
