"""The naive cache (naive.py) as a process beside the stage, on the stage's own Redis and Postgres."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO

from infra.errors import LabError
from infra.experiment.keepalive import Connection
from infra.project import ROOT
from infra.runtime.protocol import Runtime
from labs.lab2_postgres.database import database_url
from labs.lab3_cache_and_events.servers import redis_url

_PATIENCE = 20.0  # seconds until it answers


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class NaiveTwin:
    """Started by an experiment's `prepare`, ended by its `undo`. It ends by itself when the experiment is killed."""

    port: int = field(default_factory=_free_port)
    _process: subprocess.Popen[bytes] | None = None
    _said: IO[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, stage: Runtime) -> None:
        """Raises LabError with its last words when it does not answer."""
        servers = {"DATABASE_URL": database_url(stage), "REDIS_URL": redis_url(stage)}
        variables = {**os.environ, **servers, "PORT": str(self.port), "PARENT": str(os.getpid())}
        command = [sys.executable, "-m", "labs.lab3_cache_and_events.naive"]
        said = self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        self._process = subprocess.Popen(
            command,
            env=variables,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        give_up = time.monotonic() + _PATIENCE
        while time.monotonic() < give_up and self._process.poll() is None:
            with contextlib.suppress(OSError), Connection(self.address, timeout=2) as connection:
                connection.ask("GET", "/nobody")
                return
            time.sleep(0.05)
        said.seek(0)
        last = said.read().decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise LabError(f"The naive cache to compare with did not start: {last[0]}. Run `lab doctor`, then try again.")

    def end(self, stage: Runtime) -> None:
        """Harmless when it was not started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._said is not None:
            self._said.close()
