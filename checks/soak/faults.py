"""What happens to the stage during a soak: one random fault after the other, each taken back, the same for one seed."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from checks.soak.flow import until_clicks_flow
from checks.soak.plans import Plan, dealer
from checks.soak.strikes import Strike
from infra.errors import NotSupported
from infra.experiment.experiment import At
from infra.runtime.protocol import Runtime

FIRST, CALM = 3.0, 8.0  # seconds before the first fault, and after the last
OUTAGE = (0.3, 4.0)  # seconds that a box is away
BETWEEN = (1.0, 3.5)  # seconds in which all is well


def faults(seed: int, seconds: float, plan: Plan) -> tuple[At, ...]:
    """At least one, however short the soak. A start that takes long delays what comes after it, and what would come
    after the load's end is left out."""
    dice, clock, entries, at = random.Random(seed), _Clock(seconds), list[At](), FIRST
    deal = dealer(plan, dice)
    while not entries or at < seconds - CALM:
        strike, outage = deal(), dice.uniform(*OUTAGE)
        entries += _entries(strike, at, outage, clock)
        at += strike.takes + outage + dice.uniform(*BETWEEN)
    return tuple(entries)


def connected(seconds: float) -> At:
    """Before the first fault. A producer connects with its first click and takes its time on a busy machine: a kill
    meanwhile would cost all that wait for it."""

    def do(stage: Runtime) -> None:
        end = time.monotonic() + seconds - CALM
        until_clicks_flow(stage, lambda: time.monotonic() > end)

    return At(0.0, "the clicks of each copy arrive", do)


@dataclass
class _Clock:
    """When the load ends, as far as its first fault can tell, when the last fault was, and whether it is in force."""

    seconds: float
    end: float | None = None
    broken: float = 0.0
    in_force: bool = False

    def note(self, at: float) -> None:
        self.broken, self.in_force = time.monotonic(), True
        if self.end is None:
            self.end = self.broken + self.seconds - at

    def wait(self, outage: float) -> None:
        """Until the outage has lasted that long, also where the fault came late."""
        time.sleep(max(0.0, self.broken + outage - time.monotonic()))

    def is_whole(self) -> bool:
        return not self.in_force

    def is_over(self, takes: float = 0.0) -> bool:
        """Or will be before what takes so many seconds has been done."""
        return self.end is not None and time.monotonic() > self.end - takes - 1.0


def _entries(strike: Strike, at: float, outage: float, clock: _Clock) -> list[At]:
    """While the service cannot reach the broker its clicks wait in its memory, and a kill of it then costs all of them:
    that is the trade-off of lab 3. So the next fault comes only when clicks arrive in Kafka again."""

    def do(stage: Runtime) -> dict[str, float]:
        clock.note(at)
        try:
            strike.do(stage)
        except NotSupported as reason:
            clock.in_force = False
            return {f"not done: {strike.label} ({reason})": 1}
        if strike.back is None:
            mended(stage)
        return {}

    def back(stage: Runtime) -> None:
        clock.wait(outage)
        assert strike.back is not None
        strike.back(stage)
        mended(stage)

    def mended(stage: Runtime) -> None:
        clock.in_force = False
        until_clicks_flow(stage, clock.is_over)

    struck = At(at, strike.label, do, kills=strike.kills, unless=lambda: clock.is_over(strike.takes))
    if strike.back is None:
        return [struck]
    return [
        struck,
        At(at + strike.takes + outage, strike.back_label, back, starts=strike.starts, unless=clock.is_whole),
    ]
