"""Follows a growing event log in a thread of its own, so that the learner sees the load while the runner is at work."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.experiment.load.event_log import EventReader
from infra.experiment.timeline import Outcome, Request


@dataclass(frozen=True)
class Tick:
    """How the load is doing right now: seconds since it began, answers in the last second, and totals so far."""

    seconds: float
    rate: int
    done: int
    failed: int
    unknown: int


Live = Callable[[Tick], None]


class LiveLog:
    """The requests so far. `live` is called about ten times a second, from the log's own thread."""

    def __init__(self, path: Path, live: Live) -> None:
        self._reader = EventReader(path)
        self._live = live
        self._requests: list[Request] = []
        self._outcomes: Counter[Outcome] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="event-log", daemon=True)
        self._thread.start()

    def began(self) -> float | None:
        """When the load began, on the monotonic clock; None before."""
        return self._reader.began

    def so_far(self) -> list[Request]:
        """The requests that have ended and been read by now."""
        return list(self._requests)

    def finish(self) -> list[Request]:
        """Every request in the order of their starts. Call it when the load has ended."""
        self._stop.set()
        self._thread.join()
        self._read()
        return sorted(self._requests, key=lambda request: request.start)

    def _follow(self) -> None:
        while not self._stop.wait(0.01 if self._reader.began is None else 0.1):
            self._read()
            if self._reader.began is not None:
                self._live(self._tick(time.monotonic() - self._reader.began))

    def _read(self) -> None:
        events = self._reader.read()
        if self._reader.began is not None:
            fresh = [event.request(self._reader.began) for event in events]
            self._requests += fresh
            self._outcomes.update(request.outcome for request in fresh)

    def _tick(self, now: float) -> Tick:
        recent = sum(1 for request in self._requests[-5000:] if request.end >= now - 1.0)
        return Tick(now, recent, len(self._requests), self._outcomes["failed"], self._outcomes["unknown"])


@contextlib.contextmanager
def live_log(path: Path, live: Live) -> Iterator[LiveLog]:
    log = LiveLog(path, live)
    try:
        yield log
    finally:
        log.finish()
