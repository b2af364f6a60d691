"""Short calls of the `docker` command. What it says when it fails becomes one sentence and its own last lines."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from infra.errors import LabError

_LINES = 15  # of docker's own output that an error shows
_GONE = ("cannot connect to the docker daemon", "error during connect", "is the docker daemon running")


def docker(*arguments: str, doing: str = "that", seconds: float = 60.0) -> str:
    """What `docker ARGUMENTS` prints. Raises LabError that says what it was `doing` and quotes docker's last lines."""
    done = attempt(*arguments, seconds=seconds)
    if done.returncode != 0:
        raise failure(doing, (done.stderr or done.stdout).splitlines())
    return done.stdout


def attempt(*arguments: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """`docker ARGUMENTS`, whatever its exit code. Raises LabError when there is no docker or it never ends."""
    try:
        return subprocess.run(
            ["docker", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C reaches `lab` alone, which decides what becomes of the rest
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"`docker {arguments[0]}` did not end within {seconds:.0f} s. Is the engine well? Try `docker info`."
        ) from error
    except FileNotFoundError as error:
        raise LabError("There is no `docker` command here. Install Docker, or use RUNTIME=local.") from error


def failure(doing: str, output: Sequence[str]) -> LabError:
    """The error for docker's `output`: the engine is gone, or what docker said in its last lines."""
    text = "\n".join(output).lower()
    if any(sign in text for sign in _GONE):
        return LabError(
            "The Docker engine does not answer any more. Start it, then run `make down` (and `make lab-N`) again."
        )
    lines = [line.rstrip() for line in output if line.strip()][-_LINES:]
    said = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
    return LabError(f"Docker could not do {doing}. It said:\n{said}")
