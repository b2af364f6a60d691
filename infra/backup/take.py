"""A base backup is made and verified; the log from it on is the archive's work. Lab 4."""

from __future__ import annotations

from datetime import UTC, datetime

from infra.backup.catalog import Backup
from infra.backup.tool import look, tool
from infra.errors import LabError
from infra.runtime.protocol import Runtime

KEEP = 3  # base backups, and the log from the oldest one on


def take(runtime: Runtime) -> Backup:
    """Raises LabError when it cannot be made, is not what the server sent, or the archive does not follow."""
    label = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    tool(runtime, "take", label, str(KEEP))
    found = next((backup for backup in look(runtime).backups if backup.label == label), None)
    if found is None:
        raise LabError(f"The backup {label} is gone again: does another command remove it? Run `lab backup` again.")
    return found


def verify(runtime: Runtime, label: str) -> None:
    """Whether the backup is still what it was when it was made. Raises LabError when it is not."""
    if not label.isalnum():
        raise LabError(f"`{label}` is no backup's name. `lab backup --list` names those that there are.")
    tool(runtime, "verify", label)
