"""`lab capacity`: from what people do and what this machine can, to storage, bandwidth, memory and copies."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra import state
from infra.commands.context import current, project_name, say
from infra.errors import LabError
from infra.project import LAB_HOME

if TYPE_CHECKING:
    from labs.lab4_many_copies.capacity.arithmetic import Line
    from labs.lab4_many_copies.capacity.rates import Rate


def capacity(
    users: Annotated[str, typer.Option(help="People who use the service.")] = "1_000_000",
    writes_a_day: Annotated[str, typer.Option(help="Links that each of them makes in a day.")] = "0.1",
    read_ratio: Annotated[str, typer.Option(help="Redirects for each link that is made.")] = "100",
    link_size: Annotated[str, typer.Option(help="Bytes of a long url.")] = "100",
    years: Annotated[str, typer.Option(help="How long links are kept.")] = "5",
    peak: Annotated[str, typer.Option(help="The busiest second, times the mean.")] = "4",
    hot_share: Annotated[str, typer.Option(help="Share of the links that the cache is to hold.")] = "0.2",
    busy: Annotated[str, typer.Option(help="How busy a copy may be at the peak.")] = "0.6",
    rate: Annotated[list[str] | None, typer.Option(help="A figure by hand, such as redirects=3000.")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Measure on the standing stage first (10 s).")] = False,
) -> None:
    """How much storage, bandwidth, memory and how many copies a service needs: each line with its formula."""
    from labs.lab4_many_copies.capacity import arithmetic, rates
    from labs.lab4_many_copies.capacity.assumptions import Assumptions, number

    options = {
        "users": users,
        "writes_a_day": writes_a_day,
        "read_ratio": read_ratio,
        "link_size": link_size,
        "years": years,
        "peak": peak,
        "hot_share": hot_share,
        "busy": busy,
    }
    assumed = Assumptions(**{name: number(_option(name), text) for name, text in options.items()})
    given = rates.by_hand(_given(rate or []))
    if measure:
        _measure()
    known = rates.textbook() | rates.load(LAB_HOME) | given
    lines = arithmetic.plan(assumed, {name: rate.value for name, rate in known.items()})
    _print(known, lines, Console(highlight=False, width=None if sys.stdout.isatty() else 100))


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _given(words: Sequence[str]) -> dict[str, float]:
    """`redirects=3000` and the like. Raises LabError for what is not of that form."""
    from labs.lab4_many_copies.capacity.assumptions import number

    pairs = [word.partition("=") for word in words]
    for name, equals, _ in pairs:
        if not equals:
            raise LabError(f"--rate {name} gives no number. Write it such as --rate redirects=3000.")
    return {name: number(f"--rate {name}", text) for name, _, text in pairs}


def _measure() -> None:
    from labs.lab4_many_copies.capacity import rates
    from labs.lab4_many_copies.capacity.measure import measure

    stage = current()
    remembered = state.load(project_name())
    assert remembered is not None
    print(f"Measuring one copy of lab {remembered[0].lab}, and what a link takes (about 10 s):")
    found = measure(stage, remembered[0].lab, say)
    for reason in found.missing:
        say(f"not measured: {reason}")
    say(f"{found.made:,} links were made for it and stay; `lab down --volumes` removes them with all others")
    print()
    rates.save(LAB_HOME, rates.load(LAB_HOME) | found.rates)


def _print(known: Mapping[str, Rate], lines: Sequence[Line], console: Console) -> None:
    from labs.lab4_many_copies.capacity.words import meaning

    console.print(_rates_table(known))
    console.print()
    console.print(_lines_table(lines))
    console.print()
    for sentence in meaning(known, lines):
        width = min(console.width, 100)
        console.print(textwrap.fill(sentence, width, break_on_hyphens=False) + "\n", markup=False)


def _rates_table(known: Mapping[str, Rate]) -> Table:
    from labs.lab4_many_copies.capacity.rates import KINDS
    from labs.lab4_many_copies.capacity.units import written

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("figure", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("what it is")
    table.add_column("from", no_wrap=True)
    for name, kind in KINDS.items():
        unit = kind.unit if kind.unit == "/s" else f" {kind.unit}"
        table.add_row(name, written(known[name].value) + unit, kind.meaning, known[name].source)
    return table


def _lines_table(lines: Sequence[Line]) -> Table:
    from labs.lab4_many_copies.capacity.units import amount

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(justify="right", no_wrap=True, style="bold")
    group = ""
    for line in lines:
        if group and line.group != group:
            table.add_row()
        table.add_row(line.group if line.group != group else "", line.what, line.formula, amount(line.value, line.unit))
        group = line.group
    return table
