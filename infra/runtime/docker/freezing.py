"""The pause of a container, which the engine cannot always do at the first try."""

from __future__ import annotations

import time

from infra.runtime.docker.cli import attempt, failure
from infra.runtime.docker.containers import Container

_PATIENCE = 10.0  # seconds
_NOT_YET = "unable to freeze"


def freeze(one: Container, box: str) -> None:
    """Stop all processes of the container where they are. Raises LabError with docker's words when it cannot be done.

    On cgroup v1 a process that begins just then can keep its group from freezing. After a thousand looks, a few
    hundredths of a second, runc thaws it and leaves it to its caller to try again (opencontainers/runc#4388)."""
    deadline = time.monotonic() + _PATIENCE
    while (done := attempt("pause", one.id)).returncode != 0:
        if _NOT_YET not in done.stderr or time.monotonic() > deadline:
            raise failure(f"the pause of {box}", done.stderr.splitlines())
