"""A full disk for one container: no process in it may make a file longer than its longest is now (RLIMIT_FSIZE)."""

from __future__ import annotations

from infra.runtime.docker.containers import Container
from infra.runtime.docker.sidecar import Sidecars, among_processes

FILL = "unfill"  # the undo verb: (box,)

# Each limit is set as the process's own user, which takes no more rights than Docker gives any container. Twice over
# all processes, so that one forked meanwhile is reached too; one that has ended meanwhile is no error.
_LIMIT = """
for turn in 1 2; do
  for entry in /proc/[0-9]*; do
    owner=$(awk '/^Uid:/ {user = $2} /^Gid:/ {print user, $2}' "$entry/status" 2>/dev/null) || continue
    setpriv --reuid="${owner% *}" --regid="${owner#* }" --clear-groups \\
      prlimit --pid "${entry#/proc/}" --fsize="$limit": || [ ! -d "$entry" ]
  done
done
"""
_LONGEST = """
limit=$(find "$@" -type f -printf '%s\\n' 2>/dev/null | sort -n | tail -n 1)
limit=${limit:-0}
"""


def fill(project: str, container: Container, folders: list[str]) -> None:
    """From now on a write beyond the length of the longest file below `folders` fails with "file too large"."""
    Sidecars(project).once(among_processes(container), _LONGEST + _LIMIT, *folders)


def unfill(project: str, container: Container) -> None:
    """Its processes may write again."""
    Sidecars(project).once(among_processes(container), "limit=unlimited\n" + _LIMIT)
