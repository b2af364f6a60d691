"""`lab balance`: round-robin, least connections and a consistent hash on uneven copies, compared. Lab 4."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.commands.experiment_stage import stage_for
from infra.commands.live_line import LiveLine
from infra.errors import LabError
from infra.interrupt import heard_once

if TYPE_CHECKING:
    from labs.lab4_many_copies.balancing.compare import Run, Uneven

# A GET that a copy has not answered within 1.3 s goes to another one: a longer delay would compare retries.
_BOUNDS = {"--delay": (0.005, 0.5), "--rate": (20, 1000), "--seconds": (2, 60)}


@dataclass(frozen=True)
class _Lab4:
    """See experiment_stage.Needs."""

    lab: int = 4
    own_stage: bool = False
    profiles: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)


def balance(
    slow: Annotated[str, typer.Option(help="The copy that is slow meanwhile.")] = "app-3",
    delay: Annotated[float, typer.Option(help="Seconds more in each direction to it.")] = 0.05,
    rate: Annotated[float, typer.Option(help="Redirects a second.")] = 200.0,
    seconds: Annotated[float, typer.Option(help="How long each way to choose is loaded.")] = 6.0,
) -> None:
    """One copy is slow: who gets the requests, and how long they take, by the balancer's way to choose."""
    from labs.lab4_many_copies.balancing.compare import Uneven, compare, names_of_copies
    from labs.lab4_many_copies.balancing.paced import Pace

    for option, value in (("--delay", delay), ("--rate", rate), ("--seconds", seconds)):
        least, most = _BOUNDS[option]
        if not least <= value <= most:
            raise LabError(f"{option} {value:g} will not do: name a number from {least:g} to {most:g}.")
    if not re.fullmatch(r"app-[1-6]", slow):
        raise LabError(f"--slow {slow} names no copy. They are called app-1, app-2 and so on: see `lab status`.")
    uneven = Uneven(slow, delay, Pace(rate, seconds))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
    console.print(f"{rate:g} redirects a second for {seconds:g} s, three times; {delay:g} s more each way to {slow}.\n")
    with heard_once(), LiveLine(console) as line, stage_for(_Lab4(), line.say) as stage:
        copies = names_of_copies(stage)
        runs = compare(stage, uneven, line.say)
    _print(runs, copies, uneven, console)


def _print(runs: Sequence[Run], copies: Sequence[str], uneven: Uneven, console: Console) -> None:
    from labs.lab4_many_copies.balancing.picture import picture
    from labs.lab4_many_copies.balancing.words import meaning

    ascii_only = not (console.encoding or "").lower().startswith("utf")
    console.print()
    console.print(picture(runs, copies, uneven.slow, min(console.width, 120), ascii_only=ascii_only))
    console.print()
    console.print(_table(runs, copies))
    for sentences in meaning(runs, copies, uneven):
        console.print("\n" + textwrap.fill(sentences, min(console.width, 100), break_on_hyphens=False), markup=False)


def _table(runs: Sequence[Run], copies: Sequence[str]) -> Table:
    from infra.experiment.picture import duration

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("chosen by", no_wrap=True)
    for column in ("% by copy", "p50", "p90", "p99", "failed", "a link met"):
        table.add_column(column, justify="right", no_wrap=True)
    for run in runs:
        shares = " ".join(f"{100 * run.share(copy):.0f}" for copy in copies)
        times = [duration(run.percentile(share)) for share in (0.5, 0.9, 0.99)]
        met = f"{run.copies_a_link_met:.1f} copies"
        table.add_row(run.algorithm, shares, *times, f"{run.failed:,}", met)
    return table
