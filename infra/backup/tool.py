"""The scripts beside this, run in the stage's tool box `backup`, in both runtimes; how each can fail, in words. Lab 4."""

from __future__ import annotations

from infra.backup.catalog import Catalog, read
from infra.errors import LabError
from infra.runtime.protocol import Runtime

TOOL = "backup"

_FAILURES = {
    (
        "take",
        3,
    ): "The base backup could not be made; what Postgres said stands above. Look at `lab status` and at the disk"
    " with `df -h`, then run `lab backup` again.",
    (
        "take",
        4,
    ): "The backup is not what the server sent, so it was thrown away; what is wrong with it stands above. Run"
    " `lab backup` again, and mistrust this disk.",
    (
        "take",
        5,
    ): "The archive does not follow Postgres, so a backup would lead nowhere. Look with `lab logs wal-archive`,"
    " mend the stage with `make heal`, then run `lab backup` again.",
    ("verify", 3): "There is no such backup. `lab backup --list` names those that there are.",
    ("verify", 4): "This backup is damaged; what is wrong with it stands above. Do not count on it: run `lab backup`.",
    (
        "restore",
        3,
    ): "There is no room to lay the backup down beside the database as it is (see above). Make room, look with"
    " `df -h`, then run `lab restore` again.",
    ("restore", 6): "The log could not be replayed; what Postgres said stands above. Try another time or, with"
    " `lab backup --list`, another backup.",
    ("restore", 7): "Postgres was started while its data was restored, so the old data stayed in place. Run"
    " `lab restore` again, and no other command meanwhile.",
}


def tool(runtime: Runtime, name: str, *words: str) -> str:
    """What the script wrote to standard output. Raises LabError when it failed."""
    code, said = runtime.output(TOOL, [name, *words])
    if code != 0:
        why = f"`{name}` of the box {TOOL} ended with exit code {code}; why stands above. Mend that, then try again."
        raise LabError(_FAILURES.get((name, code), why))
    return said.strip()


def look(runtime: Runtime) -> Catalog:
    return read(tool(runtime, "look"))


def with_archive(runtime: Runtime, command: str) -> Runtime:
    """`runtime`, if its stage keeps an archive. Raises LabError if it does not."""
    if not any("wal-archive" in box.names for box in runtime.stage.boxes):
        raise LabError(f"`{command}` needs the archive, which stands from lab 4 on. Bring it up first: `make lab-4`.")
    return runtime
