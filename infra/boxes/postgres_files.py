"""A fresh database's files, made once by initdb and kept in the cache: a stage copies them instead of waiting."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import LabError

_RECIPE = "1"  # a change to how the files are made gets a new number, and so new files


@dataclass(frozen=True)
class Template:
    """The files of a database with that owner. `prefix` are the words before a Postgres program (see PostgresBox)."""

    cache: Path
    binaries: Path
    prefix: tuple[str, ...]
    user: str
    password: str
    database: str

    def folder(self, environment: Mapping[str, str]) -> Path:
        """The folder with the files, made now if need be. Two stages may make it at once: the first one stays.

        Raises LabError when initdb fails."""
        version = (self.binaries / "postgres").stat().st_mtime_ns
        stamp = f"{_RECIPE} {self.binaries} {version} {self.user} {self.password} {self.database}"
        template = self.cache / f"postgres-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
        if not template.exists():
            sweep(self.cache)
            with _scratch(self.cache) as (scratch, lock):
                self._make(scratch, {**environment, "LC_ALL": "C"}, lock)
                with contextlib.suppress(OSError):
                    (scratch / "data").rename(template)
        return template

    def _make(self, scratch: Path, environment: Mapping[str, str], lock: int) -> None:
        data = ("-D", str(scratch / "data"))
        (scratch / "password").write_text(self.password)
        # Only these files are made without waiting for the disk; a running stage keeps Postgres' durable defaults.
        options = ("-U", self.user, "--pwfile", str(scratch / "password"), "-A", "scram-sha-256")
        initdb = (*self.prefix, str(self.binaries / "initdb"), *data, *options, "--locale=C", "-E", "UTF8", "--no-sync")
        _call(initdb, environment, lock, "")
        if self.database != "postgres":
            quoted = self.database.replace('"', '""')
            single = (*self.prefix, str(self.binaries / "postgres"), "--single", *data, "postgres")
            _call(single, environment, lock, f'CREATE DATABASE "{quoted}"\n')


def release(data: Path) -> None:
    """Free the bit of System V shared memory by which a Postgres that was killed still guards these files.

    Its number is in line 7 of postmaster.pid. Call it when no process of that database lives."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        _, identifier = (data / "postmaster.pid").read_text().splitlines()[6].split()
        subprocess.run(["ipcrm", "-m", identifier], capture_output=True, check=False)
        (data / "postmaster.pid").unlink()


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


@contextlib.contextmanager
def _scratch(cache: Path) -> Iterator[tuple[Path, int]]:
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


def _remove(scratch: Path) -> None:
    """Remove the folder, again if a dying child of initdb writes into it meanwhile."""
    release(scratch / "data")
    deadline = time.monotonic() + 2.0
    while scratch.exists() and time.monotonic() < deadline:
        shutil.rmtree(scratch, ignore_errors=True)


def _call(words: tuple[str, ...], environment: Mapping[str, str], lock: int, text: str) -> None:
    """Run it to its end. Ctrl-C ends it and all its children: it has a session of its own."""
    with subprocess.Popen(
        words,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=(lock,),
        start_new_session=True,
    ) as child:
        try:
            said, _ = child.communicate(text)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            raise
    if child.returncode != 0:
        end = " ".join(said.split())[-400:]
        raise LabError(f"Postgres' files could not be made ({end}). Look for a full disk with `df -h .lab`.")
