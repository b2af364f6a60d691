"""Lab 3's processes beside the service, each started as the Procfile says, for those who want to break them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from checks.unit.native import free_port
from infra.project import ROOT


class Process:
    """It keeps its port, and so its name in the consumer group, over all its starts."""

    def __init__(self, name: str, log: Path, **variables: str) -> None:
        self.port = free_port()
        self._words = [sys.executable, "-m", f"shortener.lab3_cache_and_events.{name}"]
        self._environment = {**os.environ, "PORT": str(self.port), "HOST": "127.0.0.1", **variables}
        self._log = log
        self.start()

    def start(self) -> None:
        with self._log.open("a") as log:
            self._child = subprocess.Popen(self._words, cwd=ROOT, env=self._environment, stderr=log)

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def pause(self) -> None:
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._child.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Its exit code after SIGTERM, for which it has 10 s."""
        self._child.terminate()
        return self._child.wait(10)

    def is_running(self) -> bool:
        return self._child.poll() is None

    def log(self) -> str:
        return self._log.read_text()


@contextlib.contextmanager
def running_process(name: str, folder: Path, **variables: str) -> Iterator[Process]:
    process = Process(name, folder / f"{name}.log", **variables)
    try:
        yield process
    finally:
        process.kill()
