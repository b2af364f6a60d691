"""Reading 4 KiB from disk, and asking the disk to keep what was written. The scratch file has no name, so nothing stays
behind, even after kill -9."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from infra.errors import LabError

BLOCK = 4096
FILE_BYTES = 32 * 2**20
SECONDS = 0.4  # each measurement stops after that long


@dataclass(frozen=True)
class DiskTimes:
    """Medians in seconds; `how` says in words what kept the operating system's cache out of the reads."""

    read: float
    fsync: float
    how: str


def disk_times(folder: Path) -> DiskTimes:
    """Measure the disk below `folder`. Raises LabError when it is full or cannot be written to."""
    try:
        with _scratch_file(folder) as descriptor:
            fsync = _fsync(descriptor)
            how = _leave_cache_out(descriptor)
            return DiskTimes(_read(descriptor), fsync, how)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            wanted = FILE_BYTES // 2**20
            raise LabError(f"The disk is full: measuring it needs {wanted} MB in {folder}. Free some room.") from error
        raise LabError(f"The disk cannot be measured in {folder}: {error.strerror}.") from error


@contextlib.contextmanager
def _scratch_file(folder: Path) -> Iterator[int]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, buffering=0) as scratch:
        block = random.randbytes(2**20)
        for _ in range(FILE_BYTES // len(block)):
            written = scratch.write(block)
            if written != len(block):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(scratch.fileno())
        yield scratch.fileno()


def _fsync(descriptor: int) -> float:
    """Median seconds to overwrite one block and have the disk confirm it."""
    times = []
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        os.pwrite(descriptor, random.randbytes(BLOCK), _random_place())
        began = time.perf_counter()
        if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync alone leaves the bytes in the disk's own cache
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fsync(descriptor)
        times.append(time.perf_counter() - began)
    return median(times)


def _leave_cache_out(descriptor: int) -> str:
    """Make reads go to the disk itself as far as this system lets us, and say how."""
    if hasattr(os, "O_DIRECT"):
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_DIRECT)
            return "past the system's cache"
    if hasattr(fcntl, "F_NOCACHE"):
        fcntl.fcntl(descriptor, fcntl.F_NOCACHE, 1)
        return "past the system's cache"
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return "after asking the system to forget its cache"
    return "perhaps from the system's cache"


def _read(descriptor: int) -> float:
    """Median seconds to read one block at a random place. An mmap is aligned to a page, as direct reads demand."""
    times = []
    with mmap.mmap(-1, BLOCK) as page:
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            place = _random_place()
            began = time.perf_counter()
            os.preadv(descriptor, [page], place)
            times.append(time.perf_counter() - began)
    return median(times)


def _random_place() -> int:
    return random.randrange(FILE_BYTES // BLOCK) * BLOCK
