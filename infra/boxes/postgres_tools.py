"""Postgres' programs beside the server, run by the scripts of infra/backup: the archive and its tools. Lab 4."""

from __future__ import annotations

import os
from pathlib import Path

from infra.boxes.native import Plan
from infra.boxes.plain import PlainBox
from infra.boxes.postgres import as_ordinary_user, binaries
from infra.compose.box import Box
from infra.errors import LabError


class PostgresToolBox(PlainBox):
    """See NativeBox. What `lab backup` and `lab restore` run, and wait for."""

    def command(self, plan: Plan) -> list[str] | None:
        """The compose file's, with what it mounts where that is on this machine."""
        path = f"PATH={binaries()}{os.pathsep}{plan.environment['PATH']}"
        return [*as_ordinary_user(), "env", path, *(_here(word, plan) for word in plan.box.command)]

    def folder(self, plan: Plan) -> Path:
        return next(iter(plan.folders.values()))

    def client(self, plan: Plan) -> list[str]:
        raise LabError(f"{plan.box.name} has no client of its own. Look with `lab backup --list`.")

    def client_inside(self, box: Box) -> list[str]:
        raise LabError(f"{box.name} has no client of its own. Look with `lab backup --list`.")

    def can_fill(self) -> str:
        return "it keeps files of 16 MB, so a limit on their length would leave it room to write"


class WalArchiveBox(PostgresToolBox):
    """See NativeBox. Ready when the server says that the archive follows it."""

    def obstacle(self, plan: Plan) -> str:
        import psycopg

        password = plan.environment["PGPASSWORD"]
        try:
            with psycopg.connect(plan.environment["SERVER"], password=password, autocommit=True) as connection:
                follows = connection.execute(
                    "SELECT active FROM pg_replication_slots WHERE slot_name = 'archive'"
                ).fetchone()
        except psycopg.Error as error:
            return f"Postgres was asked about it ({' '.join(str(error).split())})"
        return "" if follows == (True,) else "it does not follow Postgres yet"


def _here(word: str, plan: Plan) -> str:
    for target, folder in plan.folders.items():
        if word.startswith(target + "/"):
            return str(folder / word[len(target) + 1 :])
    return word
