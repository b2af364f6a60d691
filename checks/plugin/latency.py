"""Times as ratios. Absolute milliseconds depend on the machine; two things timed turn by turn share its mood."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Times:
    """Seconds of one kind of request, as measured."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def quick(self) -> float:
        """The slowest of the quickest quarter: what a request takes when the machine leaves it alone."""
        return sorted(self.seconds)[len(self.seconds) // 4]

    @property
    def p90(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.9)]

    def __str__(self) -> str:
        return f"{self.median * 1000:.2f} ms (p90 {self.p90 * 1000:.2f} ms)"


def turn_by_turn(first: Callable[[], float], second: Callable[[], float], rounds: int = 300) -> tuple[Times, Times]:
    """Time both, one after the other, so often, less when that takes over 3 s. Each call returns its own seconds."""
    for _ in range(15):  # connections and caches are warm when it counts
        first()
        second()
    deadline = time.monotonic() + 3.0
    pairs = [(first(), second()) for n in range(rounds) if n < 40 or time.monotonic() < deadline]
    return Times(tuple(pair[0] for pair in pairs)), Times(tuple(pair[1] for pair in pairs))
