"""`lab elect`: three nodes with one job elect a leader by a lease; it is paused past that lease. Lab 5."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.commands.context import wanted_project
from infra.commands.experiment_stage import stage_for
from infra.commands.live_line import LiveLine
from infra.commands.stage import runtime_for
from infra.errors import LabError
from infra.interrupt import heard_once
from infra.runtime.protocol import Progress, Runtime

if TYPE_CHECKING:
    from labs.lab5_failover.election.lesson import Run, Way


@dataclass(frozen=True)
class _Nodes:
    """See experiment_stage.Needs. The nodes stand with Redis, etcd and a Postgres of their own."""

    lab: int = 5
    own_stage: bool = True
    profiles: frozenset[str] = frozenset({"lab-5-election"})
    variables: Mapping[str, str] = field(default_factory=dict)


def elect(
    keeper: Annotated[
        str | None, typer.Argument(metavar="[redis|etcd]", help="Who keeps the lease; both, each fenced too, without.")
    ] = None,
    fenced: Annotated[bool, typer.Option("--fenced", help="The storage checks the token of whoever writes.")] = False,
    pauses: Annotated[int, typer.Option(help="How often the leader is paused.")] = 3,
    stand: Annotated[bool, typer.Option("--stand", help="Let the nodes stand afterwards, for faults by hand.")] = False,
) -> None:
    """Three nodes elect a leader, and it is paused past its lease: how many lead then, and what do they write?"""
    from labs.lab5_failover.election.lesson import run

    ways = _chosen(keeper, fenced)
    if not 1 <= pauses <= 20:
        raise LabError(f"--pauses {pauses} will not do: name a number from 1 to 20.")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
    with heard_once(), LiveLine(console) as line, _nodes(line.say, stand=stand) as stage:
        runs = [run(stage, way, pauses, line.say) for way in ways]
    _print(runs, console)
    if stand:
        print(f"\nThe nodes stand ({ways[-1]}): `lab pause sweeper-1`, `lab resume sweeper-1`, `lab logs sweeper-2`,")
        print('`lab connect postgres` and there "SELECT * FROM sweeps ORDER BY id". `lab down --volumes` ends it.')


@contextlib.contextmanager
def _nodes(progress: Progress, *, stand: bool) -> Iterator[Runtime]:
    """A stage of the lesson's own, or, in the place of the learner's, one that stays."""
    if not stand:
        with stage_for(_Nodes(), progress) as stage:
            yield stage
        return
    project = replace(wanted_project(_Nodes.lab), profiles=_Nodes.profiles)
    stage = runtime_for(project)
    stage.up(progress)
    yield stage


def _chosen(keeper: str | None, fenced: bool) -> list[Way]:
    """Raises LabError for a keeper that nobody knows."""
    from labs.lab5_failover.election.lesson import WAYS, Way

    if keeper is None:
        return [way for way in WAYS if way.fenced or not fenced]
    known = sorted({way.keeper for way in WAYS}, reverse=True)
    if keeper not in known:
        raise LabError(f"{keeper} keeps no lease here. Say {' or '.join(known)}, or nothing for both.")
    return [Way(keeper, fenced)]


def _print(runs: Sequence[Run], console: Console) -> None:
    from labs.lab5_failover.election.picture import legend, picture
    from labs.lab5_failover.election.words import meaning

    ascii_only = not (console.encoding or "").lower().startswith("utf")
    console.print()
    for run in runs:
        console.print(picture(run, min(console.width, 120), ascii_only=ascii_only))
        console.print()
    console.print(legend(ascii_only=ascii_only))
    console.print()
    console.print(_table(runs))
    for sentences in meaning(runs):
        console.print("\n" + textwrap.fill(sentences, min(console.width, 100), break_on_hyphens=False), markup=False)


def _table(runs: Sequence[Run]) -> Table:
    from labs.lab5_failover.election.words import figures

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for run in runs:
        table.add_column(str(run.way), justify="right", overflow="fold")
    columns = [figures(run) for run in runs]
    for row in zip(*columns, strict=True):
        table.add_row(row[0][0], *(value for _, value in row))
    return table
