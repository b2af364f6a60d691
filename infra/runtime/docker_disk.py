"""A full disk for one container: no process in it may make a file longer than its longest is now (RLIMIT_FSIZE)."""

from __future__ import annotations

from infra.errors import LabError
from infra.runtime.docker_containers import Container
from infra.runtime.docker_sidecar import Sidecars, among_processes

FILL = "unfill"  # the undo verb: (box,)

# Twice over all processes, so that one forked meanwhile is reached too. A process that ended meanwhile is no error.
_LIMIT = """
for turn in 1 2; do
  for entry in /proc/[0-9]*; do prlimit --pid "${entry#/proc/}" --fsize="$1": 2>/dev/null || [ ! -d "$entry" ]; done
done
"""
_LONGEST = """
longest=0
for folder in "$@"; do
  size=$(find "$folder" -type f -printf '%s\\n' 2>/dev/null | sort -n | tail -n 1)
  [ "${size:-0}" -le "$longest" ] || longest=$size
done
echo "$longest"
"""


def fill(project: str, container: Container, folders: list[str]) -> None:
    """From now on a write beyond the length of the longest file below `folders` fails with "file too large"."""
    sidecars = Sidecars(project)
    longest = sidecars.once(among_processes(container), _LONGEST, *folders).strip()
    if not longest.isdigit():
        raise LabError(f"The lengths of the files in {', '.join(folders)} could not be read. Try again.")
    sidecars.once(among_processes(container), _LIMIT, longest)


def unfill(project: str, container: Container) -> None:
    """Its processes may write again."""
    Sidecars(project).once(among_processes(container), _LIMIT, "unlimited")
