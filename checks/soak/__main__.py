"""python -m checks.soak [--lab N] [--minutes M] [--seed S]: a stage of its own, in the runtime that RUNTIME names.

Exit 0 when no promise was broken, 1 with the figures when one was, 75 when the machine was too busy to tell, 130 after
Ctrl-C; the stage is gone in any case."""

from __future__ import annotations

import argparse
import os
import random
import sys
from dataclasses import replace

from rich.console import Console

from checks.soak.faults import connected, faults
from checks.soak.link_events import acknowledged_changes, missing_events
from checks.soak.plans import Plan, plan
from checks.soak.verdict import in_figures, undecided, wrong
from infra.commands.experiment_stage import stage_for
from infra.commands.live_line import LiveLine
from infra.errors import LabError
from infra.experiment.experiment import Experiment, run
from infra.interrupt import heard_once

RATE = 200.0  # requests a second
INCONCLUSIVE = 75
MINUTES = {"docker": 3.0}  # by runtime
ELSEWHERE = 10.0


def main(arguments: list[str] | None = None) -> int:
    wanted = _options().parse_args(arguments)
    seconds = 60 * (wanted.minutes or MINUTES.get(os.environ.get("RUNTIME", ""), ELSEWHERE))
    seed = wanted.seed if wanted.seed is not None else random.randrange(1_000_000)
    console = Console(highlight=False)
    console.print(
        f"A soak of lab {wanted.lab}, {seconds:.0f} s, seed {seed} (the same faults again: --seed {seed})", style="bold"
    )
    try:
        return soak(plan(wanted.lab), seconds, seed, wanted.rate, console)
    except LabError as error:
        console.print(f"The soak could not be ended: {error}")
        return 1


def soak(plan: Plan, seconds: float, seed: int, rate: float, console: Console) -> int:
    """Load and faults for so long, then the audit. Raises LabError when the stage does not stand or come back."""
    planned = _experiment(plan, seconds, seed, rate)
    with heard_once(), LiveLine(console) as line, stage_for(planned, line.say) as stage:
        timeline = run(planned, stage, line.say, line.show)
        line.say("looking for the changes of the links in the topic links")
        changes = acknowledged_changes(timeline.requests)
        problems = wrong(timeline, missing_events(stage, changes))
    console.print()
    for figure in in_figures(timeline, sum(map(len, changes.values()))):
        console.print(figure, markup=False)
    for problem in problems:
        console.print(problem, style="bold", markup=False)
    if undecided(timeline, problems):
        console.print("This machine was too busy to tell 100 ms apart. Run it again when it is quiet.")
        return INCONCLUSIVE
    console.print("Nothing was lost, and every count is exact." if not problems else f"Not whole. Seed {seed}.")
    return 1 if problems else 0


def _experiment(plan: Plan, seconds: float, seed: int, rate: float) -> Experiment:
    return Experiment(
        name="soak",
        lab=plan.lab,
        question="",
        answers=(),
        right=lambda timeline: 0,
        load=replace(plan.load, seconds=seconds, rate=rate),
        schedule=(connected(seconds), *faults(seed, seconds, plan)),
        explanation="",
        own_stage=True,
        variables=plan.variables,
    )


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lab", type=int, default=3, help="which (3; or 4, 5)")
    parser.add_argument("--minutes", type=float, help="how long (10; 3 with RUNTIME=docker)")
    parser.add_argument("--seed", type=int, help="which faults; a random one, which is printed")
    parser.add_argument("--rate", type=float, default=RATE, help=f"requests a second at most ({RATE:.0f})")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
