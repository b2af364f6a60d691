"""Locust as a process of its own: started early, given its links, ended for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import orjson

from infra.errors import LabError
from infra.project import ROOT

STOP_TIMEOUT = 6  # seconds: longer than a visitor's own timeout, so that every request under way is written down


class LoadProcess:
    """One locust in a process group of its own. `output` holds what it printed; nothing reaches the terminal."""

    def __init__(self, arguments: Sequence[str], output: Path) -> None:
        self._output = output
        with output.open("wb") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "locust", *arguments, "--runner-pid", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=_environment(os.environ),
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout: float) -> None:
        """Until it has ended. Raises LabError when it is not through in time, or ended badly."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise LabError(
                "The load did not end in time and was stopped. Is the machine very busy? Try again."
            ) from None
        if code != 0:
            raise self.error()

    def error(self) -> LabError:
        """Why it ended too early, in locust's own last words."""
        said = [line for line in self._output.read_text(errors="replace").splitlines() if line.strip()]
        last = said[-1].strip() if said else "it said nothing"
        return LabError(f"The load ended before its time: {last}. Run `lab doctor` to see whether locust is whole.")

    def end(self, within: float = 2.0) -> None:
        """Ask it to end and write down what it has; past `within` seconds the caller's `kill` does the rest."""
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(within)

    def kill(self) -> None:
        """End the whole group, whatever it is doing, and leave no zombie. Harmless when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def load_process(arguments: Sequence[str], output: Path) -> Iterator[LoadProcess]:
    """A locust that is gone when the block is left, however it is left."""
    process = LoadProcess(arguments, output)
    try:
        yield process
    finally:
        process.kill()


def hand_over(links: Sequence[tuple[str, str]], path: Path) -> None:
    """Give a waiting locust its links; it begins as soon as the file is there, so it must be there whole."""
    scratch = path.with_suffix(".part")
    scratch.write_bytes(orjson.dumps(links))
    scratch.replace(path)


def until_began(process: LoadProcess, began: Callable[[], float | None], timeout: float = 30.0) -> float:
    """Wait for the load's first moment and return it. Raises LabError when locust dies before or takes too long."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        moment = began()
        if moment is not None:
            return moment
        if not process.running:
            raise process.error()
        time.sleep(0.01)
    raise LabError(f"The load did not begin within {timeout:.0f} s. Is the machine very busy? Try again.")


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The learner's environment without settings of their own for locust, which would change the load."""
    return {name: value for name, value in variables.items() if not name.startswith("LOCUST_")}
