"""`lab regions`: two regions change the same links; what each rule loses, keeps and costs. Lab 5."""

from __future__ import annotations

import secrets
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
    from labs.lab5_failover.regions.run import Plan, Run

RULES = ("last-write-wins", "version-vector", "owner")
_MOST_SKEW = 60.0  # seconds: more shows nothing else


@dataclass(frozen=True)
class _TwoRegions:
    """See experiment_stage.Needs."""

    lab: int = 5
    own_stage: bool = True
    profiles: frozenset[str] = frozenset({"lab-5-regions"})
    variables: Mapping[str, str] = field(default_factory=dict)


def regions(
    rule: Annotated[str | None, typer.Option(help=f"One rule alone: {', '.join(RULES)}.")] = None,
    skew: Annotated[float, typer.Option(help="Seconds that west's clock is ahead; below zero: behind.")] = 0.0,
) -> None:
    """Two regions 100 ms apart change the same links: what each rule loses, keeps and costs."""
    from labs.lab5_failover.regions.run import play

    plans = _plans(rule, skew)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    console.print("East and west change the same links: at once, in turn, and while nothing passes between them.\n")
    word = secrets.token_hex(3)
    with heard_once(), LiveLine(console) as line, stage_for(_TwoRegions(), line.say) as stage:
        runs = [play(stage, plan, f"{word}-{number}", line.say) for number, plan in enumerate(plans, 1)]
    _print(runs, console)


def _plans(rule: str | None, skew: float) -> list[Plan]:
    """Every rule without a skew; with one, each rule that looks at a clock also with right clocks, to compare."""
    from labs.lab5_failover.regions.run import Plan

    if rule not in (None, *RULES):
        raise LabError(f"There is no rule {rule}. The rules are {', '.join(RULES)}.")
    if abs(skew) > _MOST_SKEW:
        raise LabError(f"--skew {skew:g} will not do: name seconds from -{_MOST_SKEW:g} to {_MOST_SKEW:g}.")
    wanted = RULES if rule is None else (rule,)
    right = [Plan(name) for name in wanted if not skew or name == RULES[0]]
    return right + [Plan(name, skew) for name in wanted if skew]


def _print(runs: Sequence[Run], console: Console) -> None:
    from labs.lab5_failover.regions.picture import picture
    from labs.lab5_failover.regions.words import meaning

    console.print()
    console.print(picture(runs))
    console.print()
    console.print(_table(runs))
    console.print("lost: acknowledged, and gone without anybody having seen it   kept: links with siblings in the end")
    console.print("refused: 503, and the client knows it   alike: after so long both regions showed the same again")
    for run in runs:
        console.print("\n" + textwrap.fill(meaning(run), min(console.width, 100), break_on_hyphens=False), markup=False)


def _table(runs: Sequence[Run]) -> Table:
    from infra.experiment.picture import duration
    from labs.lab5_failover.regions.run import REGIONS

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("rule", no_wrap=True)
    for column in ("west's clock", "lost", "kept", "refused", "alike"):
        table.add_column(column, justify="right", no_wrap=True)
    for region in REGIONS:
        table.add_column(f"{region} p50", justify="right", no_wrap=True)
        table.add_column("p90", justify="right", no_wrap=True)
    for run in runs:
        alike = "never" if run.agreed is None else duration(run.agreed)
        skew = f"{run.plan.skew:+g} s" if run.plan.skew else "right"
        counts = (skew, f"{len(run.lost)} of {run.acknowledged}", run.conflicts, run.not_taken)
        times = [run.latency(region, share) for region in REGIONS for share in (0.5, 0.9)]
        table.add_row(
            run.plan.rule, *map(str, counts), alike, *("-" if one is None else duration(one) for one in times)
        )
    return table
