"""The pause of a container, which the engine cannot always do at the first try."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime

from infra.runtime.docker.cli import attempt, failure
from infra.runtime.docker.containers import Container

_PATIENCE = 10.0  # seconds
_NOT_YET = "unable to freeze"
_CLEAR = 1.0  # seconds before the engine's next health check
_POLL = 0.05  # seconds


def freeze(one: Container, box: str) -> None:
    """Stop all processes of the container where they are. Raises LabError with docker's words when it cannot be done.

    On cgroup v1 a process that begins just then can keep its group from freezing. After a thousand looks, a few
    hundredths of a second, runc thaws it and leaves it to its caller to try again (opencontainers/runc#4388)."""
    deadline = time.monotonic() + _PATIENCE
    while _check_is_due(one) and time.monotonic() < deadline:
        time.sleep(_POLL)
    while (done := attempt("pause", one.id)).returncode != 0:
        if _NOT_YET not in done.stderr or time.monotonic() > deadline:
            raise failure(f"the pause of {box}", done.stderr.splitlines())


def _check_is_due(one: Container) -> bool:
    """Whether the engine's next health check of the container is about to begin, or under way.

    One that begins as its container freezes is frozen half-way (`runc init`, in the same group), and the engine waits
    for it, deaf to `unpause` and to every question about that container."""
    asked = attempt("inspect", "--format", "{{json .Config.Healthcheck}}\n{{json .State.Health}}", one.id)
    lines = asked.stdout.splitlines()
    check, health = (json.loads(line) or {} for line in lines) if len(lines) == 2 else ({}, {})
    interval: float = check.get("Interval", 0) / 1e9
    log = health.get("Log") or []
    if not interval or not log:
        return False
    ended = datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", log[-1]["End"])).timestamp()
    return time.time() - ended > interval - _CLEAR
