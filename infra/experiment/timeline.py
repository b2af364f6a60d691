"""What happened, on one clock: every request, every fault, and afterwards the audit. Pure data with the questions that
`lab break`, a check and a report ask of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal[
    "ok", "failed", "unknown"
]  # unknown: a write that may or may not have been applied (infra/experiment/ledger.py)


@dataclass(frozen=True)
class Request:
    """One request that a client made. Seconds since the experiment's start; `seconds` is its latency.

    For an acknowledged write `link_id` and `url` say what was promised; for a redirect, what was asked for. `key` is
    the Idempotency-Key that a write carried, `copy` the copy of the service that says it answered (from lab 4 on)."""

    start: float
    seconds: float
    name: str  # "POST /links", "GET /{id}", "GET /links?url="
    outcome: Outcome
    status: int | None  # None: no answer came
    url: str = ""
    link_id: str = ""
    error: str = ""
    key: str = ""
    copy: str = ""

    @property
    def end(self) -> float:
        return self.start + self.seconds

    @property
    def unserved(self) -> bool:
        """Nobody was there for it. A refusal because of a rate limit is an answer like another (from lab 4)."""
        return self.outcome != "ok" and self.status != 429


@dataclass(frozen=True)
class FaultSpan:
    """One fault as it happened: seconds since the experiment's start; `end` None when it is a moment. `kills` is the
    box that it killed with kill -9, `starts` the box that it started again."""

    label: str
    start: float
    end: float | None = None
    kills: str = ""
    starts: str = ""


@dataclass(frozen=True)
class Series:
    """A gauge that was read while the load ran: (seconds, value), the value None when it could not be read."""

    name: str  # at most 7 letters: it stands left of its row in the picture
    what: str
    points: tuple[tuple[float, float | None], ...]
    scale: str = ""  # series with the same one are drawn on the same scale

    def between(self, start: float, end: float = math.inf) -> list[float]:
        """What was read in that time, without the moments when nothing could be."""
        return [value for at, value in self.points if value is not None and start <= at < end]


@dataclass(frozen=True)
class ClickAudit:
    """The clicks that the service counted, beside the redirects that the clients saw, over all links (from lab 3).

    `seen` redirects were answered; `possible` more requests got no answer and may have been redirects. `lost` is what
    is missing from `seen`, link by link; of these `excused` at most are due to a kill -9 of the service (clicks.py
    tells how), and `lost_beyond` are lost without that excuse. `doubled` were counted more often than can be.
    `reach` is how many seconds before the service's last answer, where it was killed once, the oldest click that must
    be among the lost was answered."""

    seen: int
    possible: int
    counted: int
    lost: int
    excused: int
    lost_beyond: int
    doubled: int
    settled: float  # seconds after the healing until the counts stood still
    reach: float | None = None
    within: float | None = (
        None  # the shortest time before the kills that can hold all the lost; None: they lie elsewhere
    )

    @property
    def exact(self) -> bool:
        """Whether each redirect was counted once, but for what a kill of the service may cost."""
        return not self.lost_beyond and not self.doubled


@dataclass(frozen=True)
class Audit:
    """What the ledger's promises are worth after the stage healed. Links are (id, url).

    `unknown_applied` is None where the lab offers no way to look a url up (lab 1). `doubled` are urls that were sent
    more than once under one Idempotency-Key and have more than one link. `clicks` is None before lab 3."""

    acknowledged: int
    lost: tuple[tuple[str, str], ...]
    unknown: int
    unknown_applied: int | None
    doubled: tuple[str, ...] = ()
    clicks: ClickAudit | None = None


@dataclass(frozen=True)
class Bucket:
    """The requests that *started* within one slice of time, by outcome; latencies in seconds, of those that were under
    way in the slice (a request that hangs shows in each slice that it spans), None when there were none."""

    start: float
    ok: int
    failed: int
    unknown: int
    p50: float | None
    p99: float | None

    @property
    def total(self) -> int:
        return self.ok + self.failed + self.unknown


@dataclass(frozen=True)
class Timeline:
    requests: tuple[Request, ...]
    faults: tuple[FaultSpan, ...]
    seconds: float
    audit: Audit | None = None
    figures: dict[str, float] = field(default_factory=dict)  # what an experiment measured beside the load
    series: tuple[Series, ...] = ()

    def between(self, start: float, end: float, name: str | None = None) -> tuple[Request, ...]:
        """The requests that started in [start, end), only those called `name` if it is given."""
        return tuple(r for r in self.requests if start <= r.start < end and name in (None, r.name))

    def count(self, outcome: Outcome | None = None, name: str | None = None) -> int:
        return sum(1 for r in self.requests if outcome in (None, r.outcome) and name in (None, r.name))

    def fault(self, label: str) -> FaultSpan | None:
        """The first fault whose label contains `label`."""
        return next((span for span in self.faults if label in span.label), None)

    def gauge(self, name: str) -> Series:
        """The series of that name, an empty one when there is none."""
        return next((series for series in self.series if series.name == name), Series(name, "", ()))

    def failed_window(self, hold: float = 1.0) -> tuple[float, float | None] | None:
        """From the start of the first request that was not served to the first stable answer after it.

        None when all were; the end is None when the service never came back. See `recovered_at`."""
        failures = [r.start for r in self.requests if r.unserved]
        if not failures:
            return None
        first = min(failures)
        return first, self.recovered_at(first, hold)

    def recovered_at(self, after: float, hold: float = 1.0) -> float | None:
        """When the first answer arrived, at or past `after`, whose followers were answered too: no request that started
        within `hold` seconds after it failed. None when there is no such answer."""
        failures = sorted(r.start for r in self.requests if r.unserved)
        answers = sorted((r for r in self.requests if not r.unserved and r.end >= after), key=lambda r: r.start)
        position = 0
        for answer in answers:
            while position < len(failures) and failures[position] < answer.start:
                position += 1
            if position == len(failures) or failures[position] > answer.start + hold:
                return answer.end
        return None

    def recovery(self, after: float, hold: float = 1.0) -> float | None:
        """Seconds from `after` until the service answered again and kept on doing so."""
        moment = self.recovered_at(after, hold)
        return None if moment is None else moment - after

    def percentile(
        self, share: float, name: str | None = None, start: float = 0.0, end: float = math.inf
    ) -> float | None:
        """The latency in seconds that `share` (0 to 1) of the requests stayed within, whatever their outcome."""
        return percentile([r.seconds for r in self.between(start, end, name)], share)

    def longest(self) -> Request | None:
        return max(self.requests, key=lambda r: r.seconds, default=None)

    def over(self, seconds: float = 5.0) -> int:
        """How many requests took longer than that. The service promises none over 5 s."""
        return sum(1 for r in self.requests if r.seconds > seconds)

    def buckets(self, width: float) -> tuple[Bucket, ...]:
        """The whole timeline in slices of `width` seconds."""
        count = max(1, math.ceil(self.seconds / width - 1e-9))
        started: list[dict[str, int]] = [{"ok": 0, "failed": 0, "unknown": 0} for _ in range(count)]
        under_way: list[list[float]] = [[] for _ in range(count)]
        for request in self.requests:
            first = min(count - 1, max(0, int(request.start / width)))
            last = min(count - 1, max(first, int(request.end / width)))
            started[first][request.outcome] += 1
            for index in range(first, last + 1):
                under_way[index].append(request.seconds)
        return tuple(
            Bucket(index * width, **started[index], p50=percentile(latencies, 0.5), p99=percentile(latencies, 0.99))
            for index, latencies in enumerate(under_way)
        )


def percentile(values: Sequence[float] | Iterable[float], share: float) -> float | None:
    """The nearest-rank percentile: the smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
