"""Waiting until boxes are ready: each is asked itself, and one that ends instead is told with its last lines."""

from __future__ import annotations

import time
from collections.abc import Sequence

from infra import state
from infra.compose.box import Box
from infra.errors import LabError
from infra.project import Project
from infra.runtime.docker.containers import Container, containers, ready, tail

_DEADLINE = 120.0  # seconds; a leader of lab 5 that rejoins takes 10 to 30, on a busy machine more
_POLL = 0.1  # a look at the containers costs as much CPU as a tenth of a second holds; they need it to start


def wait_ready(project: Project, boxes: Sequence[Box]) -> None:
    """Returns when all are ready. Raises LabError with the reason and the faults in force, or the box's last lines."""
    deadline = time.monotonic() + _DEADLINE
    waiting = list(boxes)
    while True:
        found = containers(project.name)
        reasons = {box.name: ready(box, found.get(box.name)) for box in waiting}
        waiting = [box for box in waiting if reasons[box.name] is not None]
        if not waiting:
            return
        ended = next((box for box in waiting if has_ended(found.get(box.name))), None)
        if ended or time.monotonic() > deadline:
            box = ended or waiting[0]
            raise _never_ready(project, box, reasons[box.name] or "", found.get(box.name))
        time.sleep(_POLL)


def has_ended(one: Container | None) -> bool:
    return one is None or one.state in ("dead", "completed", "absent")


def _never_ready(project: Project, box: Box, reason: str, one: Container | None) -> LabError:
    faults = [fault.label for fault in state.faults(project) if box.name in fault.arguments]
    if faults:
        return LabError(
            f"{box.name} is not ready: {reason}. Still in force: {'; '.join(faults)}. `make heal` undoes it."
        )
    lines = tail(one, 15) if one else "(it is gone)"
    return LabError(f"{box.name} is not ready: {reason}. `make down` cleans up. Its last lines:\n{lines}")
