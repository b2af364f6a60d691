"""Gauges: what is read from a stage's servers while the load runs, several times a second, for the picture below it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise

from infra.experiment.timeline import Series
from infra.runtime.protocol import Runtime

Read = Callable[[], float | None]  # None: it cannot be read just now


@dataclass(frozen=True)
class Gauge:
    """`name` stands left of its row (at most 7 letters), `what` below the picture. `open` connects to the stage and
    yields what reads it. With `rate` it is a counter, and what counts is how fast it grows, per second."""

    name: str
    what: str
    open: Callable[[Runtime], AbstractContextManager[Read]]
    rate: bool = False
    every: float = 0.2  # seconds between two readings
    scale: str = ""  # gauges with the same one are drawn on the same scale


@dataclass
class Readings:
    """The gauges of one run, each read by a thread of its own, so that a slow one delays no other."""

    gauges: Sequence[Gauge]
    _points: list[list[tuple[float, float | None]]] = field(default_factory=list)

    def series(self, began: float, until: float) -> tuple[Series, ...]:
        """What was read from `began` on (monotonic seconds) for `until` seconds, on the run's own clock."""
        found = []
        for gauge, points in zip(self.gauges, self._points, strict=True):
            mine = _growth(points) if gauge.rate else points
            on_the_clock = ((at - began, value) for at, value in mine)
            shown = tuple(point for point in on_the_clock if 0 <= point[0] <= until)
            found.append(Series(gauge.name, gauge.what, shown, gauge.scale))
        return tuple(found)


@contextlib.contextmanager
def read_meanwhile(gauges: Sequence[Gauge], runtime: Runtime) -> Iterator[Readings]:
    """Read the gauges until the block is left. Raises LabError when one cannot be opened at all."""
    readings, stop = Readings(gauges), threading.Event()
    with contextlib.ExitStack() as held:
        for gauge in gauges:
            read, points = held.enter_context(gauge.open(runtime)), list[tuple[float, float | None]]()
            readings._points.append(points)
            thread = threading.Thread(target=_follow, args=(gauge, read, points, stop), name=gauge.name, daemon=True)
            held.callback(thread.join, 10.0)
            held.callback(stop.set)
            thread.start()
        yield readings


def _follow(gauge: Gauge, read: Read, points: list[tuple[float, float | None]], stop: threading.Event) -> None:
    while not stop.wait(gauge.every):
        asked = time.monotonic()
        value = read()
        points.append(((asked + time.monotonic()) / 2, value))


def _growth(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """How fast a counter grew between two readings, at the later one; unknown where it was set back (a restart)."""
    grown: list[tuple[float, float | None]] = []
    for (before, old), (at, new) in pairwise(points):
        known = old is not None and new is not None and new >= old and at > before
        grown.append((at, (new - old) / (at - before) if known and old is not None and new is not None else None))
    return grown
