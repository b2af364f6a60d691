"""Kills of a copy under load (kill -9): the GETs that fail, and the p99 in the second around a kill beside that before.

The load goes on while the copy is dead and while it comes back. In docker too, where there is an engine."""

from __future__ import annotations

import math
import random
import sys
import time
from dataclasses import dataclass
from statistics import median

from bench.figure import Figure
from bench.many_copies import COPIES, Answered, Stage, load, many_copies
from infra.experiment.timeline import percentile
from infra.runtime.docker.engine import obstacle

KILLS = {"local": 100, "docker": 20}
RATE = 300.0  # redirects a second
BEFORE = 2.0  # seconds of load before the second around the kill
AROUND = 1.0
DEAD = 1.0  # seconds that the copy stays dead at least
MOST = 3.0  # times the p99 before


@dataclass(frozen=True)
class Kill:
    """What the clients saw of one. Latencies in seconds."""

    answers: int
    failed: int
    before: float
    around: float


def run() -> list[Figure]:
    runtimes = ["local", *(["docker"] if obstacle() is None else [])]
    return [figure for runtime in runtimes for figure in _in(runtime)]


def _in(runtime: str) -> list[Figure]:
    dice, kills = random.Random(4), list[Kill]()
    with many_copies(runtime) as stage:
        for number in range(KILLS[runtime]):
            kills.append(kill(stage, dice.choice(COPIES)))
            if kills[-1].failed:
                print(f"kill {number + 1}: {kills[-1].failed} GETs failed", file=sys.stderr, flush=True)
    return figures(runtime, kills)


def kill(stage: Stage, copy: str) -> Kill:
    """Kill it under load, and let it come back under the same load."""
    with load([stage.port], stage.paths, RATE) as answers:
        time.sleep(BEFORE + AROUND)
        began = time.monotonic()
        stage.runtime.kill(copy)
        ended = time.monotonic()
        time.sleep(DEAD)
        stage.runtime.start(copy)
        stage.wait_for_the_balancer()
    return seen(answers, (began + ended) / 2)


def seen(answers: list[Answered], killed: float) -> Kill:
    """`killed` is when, on the clock of the answers; the second around it has it in its middle."""

    def p99(start: float, end: float) -> float:
        return percentile([one.seconds for one in answers if start <= one.due < end], 0.99) or math.nan

    around = killed - AROUND / 2
    failed = sum(one.status != 302 for one in answers)
    return Kill(len(answers), failed, p99(around - BEFORE, around), p99(around, around + AROUND))


def figures(runtime: str, kills: list[Kill]) -> list[Figure]:
    failed, answers = sum(one.failed for one in kills), sum(one.answers for one in kills)
    factor = median(one.around / one.before for one in kills)
    return [
        Figure(
            f"GETs failed in {len(kills)} kills of a copy, {runtime} (of {answers:,})", failed, "GETs", "0", failed == 0
        ),
        Figure(
            f"GET p99 in the second around a kill, {runtime} ({factor:.2f} times the baseline)",
            1000 * median(one.around for one in kills),
            "ms",
            f"at most {MOST:.0f} times the baseline",
            factor <= MOST,
            1000 * median(one.before for one in kills),
            f"the {BEFORE:.0f} s before, {RATE:.0f}/s",
        ),
    ]
