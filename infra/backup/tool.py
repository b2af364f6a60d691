"""The scripts beside this, run in the stage's tool box `backup`; how each can fail, in words. Lab 4."""

from __future__ import annotations

from infra.backup.catalog import Catalog, read
from infra.errors import LabError
from infra.runtime.protocol import Runtime

TOOL = "backup"

# By script and exit code; what its programs said stands above it on the terminal.
_FAILURES = {
    "take 3": "The base backup could not be made (see above). Look at `lab status`, and at the disk with `df -h`, then"
    " run `lab backup` again.",
    "take 4": "The backup is not what the server sent (see above), so it is thrown away. Run `lab backup` again, and"
    " mistrust this disk.",
    "take 5": "The archive does not follow Postgres, so a backup would lead nowhere. Look with `lab logs wal-archive`,"
    " mend the stage with `make heal`, then run `lab backup` again.",
    "verify 3": "There is no such backup. `lab backup --list` names those that there are.",
    "verify 4": "This backup is damaged (see above). Make another one: `lab backup`.",
    "restore 3": "The backup could not be laid down beside the database (see above). Look with `df -h` for room, then"
    " run `lab restore` again.",
    "restore 6": "The log could not be replayed (see above). Look with `df -h` for room, or try another time.",
    "restore 8": "A part of the archived log is missing or damaged (see above), and what follows it cannot be restored."
    " Restore a moment before it: `lab restore --to TIME`.",
    "restore 7": "Postgres was started while its data was restored, so the old data stayed. Run `lab restore` again,"
    " and no other command meanwhile.",
}


def tool(runtime: Runtime, name: str, *words: str) -> str:
    """What the script wrote to standard output. Raises LabError when it failed."""
    try:
        code, said = runtime.output(TOOL, [name, *words])
    except LabError as error:
        if not str(error).startswith(f"{TOOL} is running already"):
            raise
        raise LabError("Another backup or restore is at work here. Let it end, or end it with `make down`.") from error
    if code != 0:
        other = f"`{name}` in the box {TOOL} ended with exit code {code} (see above). Mend that, then try again."
        raise LabError(_FAILURES.get(f"{name} {code}", other))
    return said.strip()


def look(runtime: Runtime) -> Catalog:
    return read(tool(runtime, "look"))


def with_archive(runtime: Runtime, command: str) -> Runtime:
    """`runtime`, if its stage keeps an archive. Raises LabError if it does not."""
    if not any("wal-archive" in box.names for box in runtime.stage.boxes):
        raise LabError(f"`{command}` needs the archive, which lab 4 has. Bring that up first: `make lab-4`.")
    return runtime
