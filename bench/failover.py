"""A hundred faults of the Postgres node that leads, under writes: how long nobody could write, and what was lost."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from statistics import median

from bench.figure import Figure
from checks.unit.native import free_port
from infra import state
from infra.experiment.experiment import Load
from infra.project import Project, default_name
from infra.runtime.choose import open_runtime
from infra.runtime.protocol import Runtime
from labs.lab5_failover.strikes import STRIKES
from labs.lab5_failover.trial import Struck, Trial, trial

FAULTS, MOST_ROUNDS = 100, 20
ROUND = ("host-fenced", "switchover", "host-fenced", "postgres") * 2
LEASED = ("host", "host", "pause")
SECONDS, LEASED_SECONDS = 90.0, 120.0  # of load in a round, in which as many faults come as there is time for
RATE = 80.0  # writes a second
LEASE_ONLY, FENCED, FENCED_WORST, PLANNED = 21.0, 1.0, 2.0, 3.0  # seconds, at most


def run() -> list[Figure]:
    unlimited = {"RATE_LIMIT": "100000", "RATE_BURST": "100000"}
    project = Project(f"{default_name()}-bench-{os.getpid()}", lab=5, port=free_port(), variables=unlimited)
    runtime = open_runtime(project, os.environ.get("RUNTIME") or "local")
    with state.owned(project):
        try:
            runtime.up(_quiet)
            return figures(_rounds(runtime))
        finally:
            runtime.down(volumes=True)


def _rounds(runtime: Runtime) -> list[Trial]:
    done = [_round(runtime, LEASED, LEASED_SECONDS)]
    while sum(len(one.struck) for one in done) < FAULTS and len(done) < MOST_ROUNDS:
        done.append(_round(runtime, ROUND, SECONDS))
    return done


def _round(runtime: Runtime, names: Sequence[str], seconds: float) -> Trial:
    load = Load(16, seconds, RATE, write_share=1.0, key_share=1.0, links=20, targets=("balancer",))
    done = trial(runtime, [STRIKES[name] for name in names], seconds, _quiet, load)
    for one in done.struck:
        shown = "never" if one.outage is None else f"{one.outage:.2f} s"
        print(f"{one.strike.what}: {shown}, whole again after {one.rejoined:.1f} s", file=sys.stderr, flush=True)
    return done


def figures(rounds: Sequence[Trial]) -> list[Figure]:
    struck = [one for done in rounds for one in done.struck]
    acknowledged, lost = sum(done.acknowledged for done in rounds), sum(len(done.lost) for done in rounds)
    named = f"acknowledged links lost in {len(struck)} faults of the leader (of {acknowledged:,})"
    return [
        Figure(named, lost, "links", "0, in 100 faults", lost == 0 and len(struck) >= FAULTS),
        _outages(struck, "host", "host killed, the lease must run out: worst", LEASE_ONLY, max),
        _outages(struck, "host-fenced", "host killed, fenced: median", FENCED, median),
        _outages(struck, "host-fenced", "host killed, fenced: worst", FENCED_WORST, max),
        _outages(struck, "switchover", "switchover: worst", PLANNED, max),
        _outages(struck, "postgres", "only Postgres killed: median", PLANNED, median),
    ]


def _outages(struck: Sequence[Struck], strike: str, name: str, most: float, of: Callable[..., float]) -> Figure:
    """Without an end where not one of them was seen to end: what was not measured is not met."""
    seconds = [one.outage for one in struck if one.strike.name == strike]
    known = [one for one in seconds if one is not None]
    value = of(known) if known else math.inf
    met = len(known) == len(seconds) and value <= most
    return Figure(f"nobody could write, {name} of {len(seconds)}", value, "s", f"at most {most:g} s", met)


def _quiet(_: str) -> None:
    """No progress wanted."""
