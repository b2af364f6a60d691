"""`lab backup`: a base backup of the stage's database, verified; `--list` shows those that there are."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.commands.context import current
from infra.interrupt import heard_once


def backup(
    show: Annotated[bool, typer.Option("--list", help="Only show the backups that there are.")] = False,
    verify: Annotated[str | None, typer.Option(help="Only verify that backup again.", metavar="NAME")] = None,
) -> None:
    """Make a base backup of the database and verify it. The log from it on is archived as it is written."""
    from infra.backup import take
    from infra.backup.catalog import local
    from infra.backup.tool import look, with_archive

    runtime = with_archive(current(), "lab backup")
    if verify is not None:
        take.verify(runtime, verify)
        print(f"The backup {verify} is what it was when it was made.")
        return
    if not show:
        began = time.monotonic()
        with heard_once():
            made = take.take(runtime)
        took = time.monotonic() - began
        print(f"The backup {made.label} is made and verified: {made.size / 2**20:,.0f} MB ({took:.1f} s).")
        print(f"`lab restore --to TIME` goes to any moment from {local(made.ended)} on.")
        print(f"The newest {take.KEEP} stay, also after `make down`; `lab down --volumes` removes them with the data.")
        return
    catalog = look(runtime)
    if not catalog.backups:
        print("There is no backup yet. Make one: `lab backup`.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("backup", "size", "leads to any moment from", "timeline"):
        table.add_column(column, justify="right" if column == "size" else "left")
    for each in catalog.backups:
        table.add_row(each.label, f"{each.size / 2**20:,.0f} MB", local(each.ended), str(each.timeline))
    Console(highlight=False).print(table)
