"""`lab import [FILE]`: the links of lab 1's JSON file move into Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.commands.context import current
from infra.commands.seed import with_database
from infra.errors import LabError


def import_links(
    file: Annotated[
        Path | None, typer.Argument(help="A file of lab 1; the one that lab 1's stage left if left out.")
    ] = None,
) -> None:
    """Move the links of a lab 1 file into the stage's Postgres. Those that are there already stay as they are."""
    runtime = with_database(current(), "lab import")
    if file is not None and not file.is_file():
        raise LabError(f"{file} is no file. Name the JSON file of your lab 1 service, or leave it out.")
    code = runtime.run("import", ["-"] if file else [], stdin=file)
    if code != 0:
        other = "" if file else " If lab 1 has left no file here, name one: `lab import FILE`."
        raise LabError(f"The import ended early (exit code {code}) and changed nothing; why stands above.{other}")
