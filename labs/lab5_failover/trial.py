"""Faults of the leader, one after the other, while clients write all the time: how long each kept them from writing,
and afterwards what of all that was acknowledged is lost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from infra.errors import NotInTime
from infra.experiment.experiment import At, Experiment, Load, run
from infra.experiment.timeline import Timeline
from infra.failover.change import Change
from infra.failover.cluster import look
from infra.runtime.protocol import Progress, Runtime
from labs.lab5_failover.strikes import Strike, until_whole

POST = "POST /links"
BEGINS = 2.0  # seconds of load before the first fault
_LEAD = 1.0  # seconds that the clients have for a write under the new leader before the old one comes back
_SOONER = 0.5  # seconds that a write may come through before the new leader was seen to take writes
WRITERS, RATE = 8, 40.0  # a second; the service's own limit is 50 for each client address


@dataclass(frozen=True)
class Struck:
    """What became of one fault. Seconds since it began; None: it was not seen."""

    strike: Strike
    change: Change
    rejoined: float  # from the mending until every node followed again
    detected: float | None = None  # a client's first write failed
    reconnected: float | None = None  # the first write after it was acknowledged
    outage: float | None = None  # from the last acknowledged write before to that one; None: it never came

    @property
    def free(self) -> float | None:
        return None if self.change.free is None else self.change.free - self.change.began

    @property
    def promoted(self) -> float:
        return self.change.promoted - self.change.began


@dataclass(frozen=True)
class Trial:
    timeline: Timeline
    struck: tuple[Struck, ...]

    @property
    def acknowledged(self) -> int:
        return self.timeline.audit.acknowledged if self.timeline.audit else 0

    @property
    def lost(self) -> tuple[tuple[str, str], ...]:
        """(id, url) of each acknowledged link that is gone."""
        return self.timeline.audit.lost if self.timeline.audit else ()

    @property
    def unknown(self) -> int:
        """Writes whose client was never told whether they were applied."""
        return self.timeline.audit.unknown if self.timeline.audit else 0


@dataclass
class _Playing:
    """The schedule's entries, which keep what they saw."""

    strikes: Sequence[Strike]
    seconds: float
    began: float = 0.0  # on the monotonic clock, when the load began
    struck: list[Struck] = field(default_factory=list)

    def schedule(self) -> tuple[At, ...]:
        """One entry after the other from BEGINS on: each is due when the one before has ended. Those for which the load
        leaves no time are left out."""
        start = At(0.0, "clients write", self._start)
        return (start, *(self._entry(number, strike) for number, strike in enumerate(self.strikes)))

    def _start(self, _: Runtime) -> Mapping[str, float]:
        self.began = time.monotonic()
        return {}

    def _entry(self, number: int, strike: Strike) -> At:
        def do(runtime: Runtime) -> Mapping[str, float]:
            self.struck.append(_strike(runtime, strike))
            return {}

        due = BEGINS + number * 0.01
        return At(due, strike.what, do, unless=lambda: time.monotonic() > self.began + self.seconds - 2 * _LEAD)


def _strike(runtime: Runtime, strike: Strike) -> Struck:
    change = strike.do(runtime)
    time.sleep(max(0.0, change.promoted + _LEAD - time.monotonic()))
    mending = time.monotonic()
    strike.mend(runtime, change.old)
    until_whole(runtime)
    return Struck(strike, change, time.monotonic() - mending)


def trial(
    runtime: Runtime,
    strikes: Sequence[Strike],
    seconds: float,
    progress: Progress,
    load: Load | None = None,
) -> Trial:
    """Those of the strikes that fit into that many seconds of load. Raises LabError when the stage has no cluster, or
    nobody can write at all, and NotInTime when no other node comes to lead."""
    look(runtime)  # a stage without a cluster is told so before any load
    playing = _Playing(strikes, seconds)
    wanted = load or Load(WRITERS, seconds, RATE, write_share=1.0, key_share=1.0, links=20, targets=("balancer",))
    experiment = Experiment("trial", 5, "", (), lambda timeline: 0, wanted, playing.schedule(), "")
    timeline = run(experiment, runtime, progress)
    if not playing.struck:
        raise NotInTime("The load ended before the lead could change. Is the machine very busy? Try again.")
    return Trial(timeline, tuple(_seen(one, timeline, playing.began) for one in playing.struck))


def _seen(struck: Struck, timeline: Timeline, origin: float) -> Struck:
    """With what the clients saw of it. `origin` is the run's beginning on the clock of the change."""
    began, end = struck.change.began - origin, struck.change.promoted - origin + struck.rejoined + _LEAD
    writes = [request for request in timeline.requests if request.name == POST and began - 1.0 < request.end]
    failed = [request.end - began for request in writes if request.unserved and began < request.end < end]
    acknowledged = sorted(request.end for request in writes if request.outcome == "ok")
    pairs = [pair for pair in pairwise(acknowledged) if began < pair[1] and pair[0] < end]
    before, after = max(pairs, key=lambda pair: pair[1] - pair[0], default=(None, None))
    if before is None or after is None or after < began + struck.promoted - _SOONER:
        return struck  # the load had ended before anybody could write again
    return replace(struck, detected=min(failed, default=None), reconnected=after - began, outage=after - before)
