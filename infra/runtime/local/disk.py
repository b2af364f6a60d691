"""A full disk for the processes of one box: the kernel's own limit on how long a file may grow (Linux)."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import psutil

from infra.runtime.local.process import BoxProcess


def obstacle() -> str:
    """Why this machine cannot do it; empty when it can."""
    return "" if sys.platform == "linux" else "only Linux can limit the files of a process that runs already"


def largest_file(folders: list[Path]) -> int:
    """Bytes of the largest file below the folders, 0 when there is none."""
    sizes = [0]
    for file in (file for folder in folders for file in folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(file.stat().st_size if file.is_file() else 0)
    return max(sizes)


def limit(process: BoxProcess, size: int) -> None:
    """From now on no file can be made longer than `size` bytes: a write fails with EFBIG."""
    if sys.platform == "linux":
        for member in process.members():
            with contextlib.suppress(psutil.NoSuchProcess):
                _, hard = member.rlimit(psutil.RLIMIT_FSIZE)
                member.rlimit(psutil.RLIMIT_FSIZE, (size, hard))


def lift(process: BoxProcess) -> None:
    """Take the limit back."""
    if sys.platform == "linux":
        for member in process.members():
            with contextlib.suppress(psutil.NoSuchProcess):
                soft, hard = member.rlimit(psutil.RLIMIT_FSIZE)
                if soft != hard:
                    member.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))
