"""`lab seed N`: fill the standing stage's database with links, for plans and latencies worth looking at."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.commands.context import current
from infra.errors import LabError
from infra.runtime.protocol import Runtime

MOST = 50_000_000  # about 5 GB with its indexes


def seed(
    count: Annotated[str, typer.Argument(help="How many links, such as 1_000_000.", metavar="N")],
) -> None:
    """Fill the stage's database with N links, by COPY, with progress."""
    number = links(count)
    runtime = with_database(current(), "lab seed")
    code = runtime.run("seed", [str(number)])
    if code != 0:
        raise LabError(
            f"Seeding ended early (exit code {code}); what it said stands above. `lab status` shows the boxes."
        )


def links(count: str) -> int:
    """`count` as a number: 1_000_000, 1,000,000 and 1000000 are alike. Raises LabError for anything else."""
    digits = count.replace("_", "").replace(",", "")
    if not (digits.isascii() and digits.isdigit()) or not 1 <= int(digits) <= MOST:
        raise LabError(f"`{count}` is no number of links. Name one from 1 to {MOST:_}, such as `lab seed 1_000_000`.")
    return int(digits)


def with_database(runtime: Runtime, command: str) -> Runtime:
    """`runtime`, if its stage has a Postgres. Raises LabError if it has none."""
    if not any("postgres" in box.names for box in runtime.stage.boxes):
        raise LabError(f"`{command}` needs the one Postgres of labs 2 to 4. Bring it up first: `make lab-2`.")
    return runtime
