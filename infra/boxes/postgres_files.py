"""A fresh database's files: made once by initdb and kept in the cache; a stage copies them and sets its password."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.boxes.scratch import scratch_folder, sweep
from infra.errors import LabError

_RECIPE = "2"  # a change to how the files are made gets a new number, and so new files


@dataclass(frozen=True)
class Files:
    """The files of a database with that owner. `prefix` are the words before a Postgres program (see PostgresBox)."""

    cache: Path
    binaries: Path
    prefix: tuple[str, ...]
    user: str
    database: str

    def lay_down(self, data: Path, password: str, environment: Mapping[str, str]) -> None:
        """Make `data` a database of its own, in one step. Raises LabError when initdb fails."""
        template = self._template(environment)
        scratch = data.with_name(f".{data.name}.new")
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(template, scratch, symlinks=True)
        scratch.chmod(0o700)
        quoted = password.replace("'", "''")
        self._single(scratch, environment, f"ALTER ROLE {_identifier(self.user)} PASSWORD '{quoted}'\n")
        with contextlib.suppress(FileNotFoundError):
            data.rmdir()
        scratch.rename(data)

    def _template(self, environment: Mapping[str, str]) -> Path:
        """The folder with the files, made now if need be. Two stages may make it at once: the first one stays."""
        version = (self.binaries / "postgres").stat().st_mtime_ns
        stamp = f"{_RECIPE} {self.binaries} {version} {self.user} {self.database}"
        template = self.cache / f"postgres-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
        if not template.exists():
            sweep(self.cache)
            with scratch_folder(self.cache) as (scratch, lock):
                self._make(scratch, {**environment, "LC_ALL": "C"}, lock)
                with contextlib.suppress(OSError):
                    (scratch / "data").rename(template)
        return template

    def _make(self, scratch: Path, environment: Mapping[str, str], lock: int) -> None:
        data = ("-D", str(scratch / "data"))
        (scratch / "password").write_text(secrets.token_urlsafe())  # nobody's: each copy gets its own
        # Only these files are made without waiting for the disk; a running stage keeps Postgres' durable defaults.
        options = ("-U", self.user, "--pwfile", str(scratch / "password"), "-A", "scram-sha-256")
        initdb = (*self.prefix, str(self.binaries / "initdb"), *data, *options, "--locale=C", "-E", "UTF8", "--no-sync")
        _call(initdb, environment, lock, "")
        if self.database != "postgres":
            self._single(scratch / "data", environment, f"CREATE DATABASE {_identifier(self.database)}\n", lock)

    def _single(self, data: Path, environment: Mapping[str, str], statement: str, lock: int | None = None) -> None:
        """Run a statement where no server runs yet."""
        words = (*self.prefix, str(self.binaries / "postgres"), "--single", "-F", "-D", str(data), "postgres")
        _call(words, {**environment, "LC_ALL": "C"}, lock, statement)


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _call(words: tuple[str, ...], environment: Mapping[str, str], lock: int | None, text: str) -> None:
    """Run it to its end. Ctrl-C ends it and all its children: it has a session of its own."""
    with subprocess.Popen(
        words,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=() if lock is None else (lock,),
        start_new_session=True,
    ) as child:
        try:
            said, _ = child.communicate(text)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            raise
    if child.returncode != 0 or "ERROR:" in said:
        end = " ".join(said.split())[-400:]
        raise LabError(f"Postgres' files could not be made ({end}). Look for a full disk with `df -h .lab`.")
