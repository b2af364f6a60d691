"""A folder in which something for the cache is made: whole and moved into place, or swept away, whoever is killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def scratch_folder(cache: Path) -> Iterator[tuple[Path, int]]:
    """A folder to work in, and the descriptor whose lock says that somebody still does."""
    cache.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
    lock = os.open(scratch, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield scratch, lock
    finally:
        _remove(scratch)
        os.close(lock)


def sweep(cache: Path, patience: float = 0.0) -> None:
    """Remove what a killed maker left; for `patience` seconds wait for its last child, which ends by itself."""
    deadline = time.monotonic() + patience
    while True:
        left = [scratch for scratch in cache.glob("building-*") if not _swept(scratch)]
        if not left or time.monotonic() > deadline:
            return
        time.sleep(0.02)


def _swept(scratch: Path) -> bool:
    """Whether the folder is gone now; not when somebody is still at work in it."""
    with contextlib.suppress(OSError):
        lock = os.open(scratch, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(scratch)
        finally:
            os.close(lock)
    return not scratch.exists()


def _remove(scratch: Path) -> None:
    """Remove the folder, again if a dying child writes into it meanwhile."""
    release(scratch / "data")
    deadline = time.monotonic() + 2.0
    while scratch.exists() and time.monotonic() < deadline:
        shutil.rmtree(scratch, ignore_errors=True)


def release(data: Path) -> None:
    """Free the bit of System V shared memory by which a Postgres that was killed still guards these files.

    Its number is in line 7 of postmaster.pid. Call it when no process of that database lives."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        _, identifier = (data / "postmaster.pid").read_text().splitlines()[6].split()
        subprocess.run(["ipcrm", "-m", identifier], capture_output=True, check=False)
        (data / "postmaster.pid").unlink()
