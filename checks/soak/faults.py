"""What happens to the stage during a soak: one random fault after the other, each taken back, the same for one seed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.errors import LabError
from infra.experiment.experiment import At
from infra.experiment.lag import topic_ends
from infra.runtime.protocol import Runtime

BOXES = ("redis", "kafka", "worker", "postgres", "app")
FIRST, CALM = 3.0, 8.0  # seconds before the first fault, and after the last
OUTAGE = (0.3, 4.0)  # seconds that a box is away
BETWEEN = (1.0, 3.5)  # seconds in which all is well
PAUSES = 0.25  # share of the faults that are a pause, the others a kill -9
_PATIENCE = 30.0  # seconds until clicks arrive in Kafka again
_LOOK = 0.5  # seconds between two looks: longer than a client waits before it tries again


def faults(seed: int, seconds: float) -> tuple[At, ...]:
    """At least one, however short the soak. A start that takes long delays what comes after it, and what would come
    after the load's end is left out."""
    dice, clock, entries, at = random.Random(seed), _Clock(seconds), list[At](), FIRST
    while not entries or at < seconds - CALM:
        box, outage = dice.choice(BOXES), dice.uniform(*OUTAGE)
        paused = dice.random() < PAUSES
        entries += _pause(box, at, outage, clock) if paused else _kill(box, at, outage, clock)
        at += outage + dice.uniform(*BETWEEN)
    return tuple(entries)


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

    def is_over(self) -> bool:
        return self.end is not None and time.monotonic() > self.end - 1.0


def _kill(box: str, at: float, outage: float, clock: _Clock) -> list[At]:
    def kill(stage: Runtime) -> None:
        clock.note(at)
        stage.kill(box)

    back = _back(box, lambda stage: stage.start(box), outage, clock)
    return [
        At(at, f"kill -9 {box}", kill, kills=box, unless=clock.is_over),
        At(at + outage, f"{box} started", back, starts=box, unless=clock.is_whole),
    ]


def _pause(box: str, at: float, outage: float, clock: _Clock) -> list[At]:
    def pause(stage: Runtime) -> None:
        clock.note(at)
        stage.pause(box)

    back = _back(box, lambda stage: stage.resume(box), outage, clock)
    return [
        At(at, f"{box} paused", pause, unless=clock.is_over),
        At(at + outage, f"{box} resumed", back, unless=clock.is_whole),
    ]


def _back(box: str, undo: Callable[[Runtime], None], outage: float, clock: _Clock) -> Callable[[Runtime], None]:
    """While the service cannot reach the broker its clicks wait in its memory, and a kill of it then costs all of them:
    that is the trade-off of lab 3. So the next fault comes only when clicks arrive in Kafka again."""

    def back(stage: Runtime) -> None:
        clock.wait(outage)
        undo(stage)
        clock.in_force = False
        if box in ("kafka", "app"):
            _until_clicks_arrive(stage, clock)

    return back


def _until_clicks_arrive(stage: Runtime, clock: _Clock) -> None:
    """Until every partition has grown twice: by what had waited, and by what came after it. Or until the load has
    ended, for on a busy machine a start may take that long."""
    give_up = time.monotonic() + _PATIENCE
    with topic_ends(stage, "clicks") as ends:
        for _ in range(2):
            before: list[int] | None = None
            while not clock.is_over():
                now = ends()
                if before is None:
                    before = now
                elif now is not None and all(new > old for old, new in zip(before, now, strict=True)):
                    break
                if time.monotonic() > give_up:
                    raise LabError(
                        f"Clicks do not come into every partition within {_PATIENCE:.0f} s. "
                        "See `lab logs app` and `lab logs kafka`."
                    )
                time.sleep(_LOOK)
