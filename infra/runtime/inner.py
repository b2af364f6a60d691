"""The processes inside one box that can be killed one by one: those that its `pid_files` name. Lab 5."""

from __future__ import annotations

from infra.compose.box import Box
from infra.errors import LabError

RESTART = "restart"  # the undo verb: what is left of the box is ended, and it starts anew
_SUPERVISED = {"postgres"}  # Patroni brings it back: there is nothing to undo


def pid_file(box: Box, process: str) -> str:
    """The path inside the box. Raises LabError that lists the processes there are."""
    files = box.native.pid_files
    if process not in files:
        known = f"It has {' and '.join(files)}." if files else f"`lab kill {box.name}` kills all of it."
        raise LabError(f"{box.name} has no process {process} that can be killed alone. {known}")
    return files[process]


def needs_undo(process: str) -> bool:
    """Whether nobody in the box starts that process again."""
    return process not in _SUPERVISED
