"""`lab failover` and `lab switchover`: clients write all the time while another node comes to lead; what they saw of
it, with each phase on one time line."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load, run
from infra.experiment.timeline import Timeline
from infra.failover.change import Change, fail_over, switch_over
from infra.failover.cluster import Cluster, look
from infra.runtime.protocol import Progress, Runtime

POST = "POST /links"
_BEGINS = 2.0  # seconds of load before the change
_LEASE = 20.0  # `ttl` in infra/config/patroni/patroni.yml
_AFTER = 6.0  # seconds of load once another one leads, at least
_WRITERS, _RATE = 8, 40.0  # a second; the service's own limit is 50 for each client address


@dataclass(frozen=True)
class Drill:
    """What became of one change of the leader. Times in seconds since it began; None: it was not seen."""

    change: Change
    timeline: Timeline
    detected: float | None  # a client's first write failed
    free: float | None  # the lease was nobody's
    promoted: float  # the new leader's Postgres takes writes
    reconnected: float | None  # the first write after it was acknowledged
    outage: float | None  # from the last acknowledged write before it to the first one after it
    rejoined: float | None  # how long the old leader took, once started, to follow the new one
    cluster: Cluster  # afterwards

    @property
    def acknowledged(self) -> int:
        return self.timeline.audit.acknowledged if self.timeline.audit else 0

    @property
    def lost(self) -> int:
        return len(self.timeline.audit.lost) if self.timeline.audit else 0


@dataclass
class _Changing:
    """The schedule's entries, which keep what they saw."""

    how: Callable[[Runtime], Change]
    change: Change | None = None
    called: float = 0.0
    rejoined: float | None = None
    figures: dict[str, float] = field(default_factory=dict)

    def begin(self, runtime: Runtime) -> Mapping[str, float]:
        self.called = time.monotonic()
        self.change = self.how(runtime)
        return {}

    def rejoin(self, runtime: Runtime) -> Mapping[str, float]:
        if self.change is not None:
            began = time.monotonic()
            runtime.start(self.change.old)
            self.rejoined = time.monotonic() - began
        return {}


def forced(runtime: Runtime, progress: Progress, *, fenced: bool) -> Drill:
    """The leader's host is killed. Raises LabError when no other one comes to lead, or nobody can write at all."""
    changing = _Changing(lambda stage: fail_over(stage, fenced=fenced))
    back = _BEGINS + (3.0 if fenced else _LEASE + 3.0)
    schedule = (
        At(_BEGINS, "the leader's host is killed", changing.begin),
        At(back, "the old leader is started again", changing.rejoin),
    )
    return _drill(runtime, progress, changing, schedule, back + _AFTER)


def planned(runtime: Runtime, progress: Progress) -> Drill:
    """The lead is handed over in order."""
    changing = _Changing(switch_over)
    schedule = (At(_BEGINS, "the lead is handed over", changing.begin),)
    return _drill(runtime, progress, changing, schedule, _BEGINS + 2 * _AFTER)


def _drill(
    runtime: Runtime, progress: Progress, changing: _Changing, schedule: tuple[At, ...], seconds: float
) -> Drill:
    load = Load(_WRITERS, seconds, _RATE, write_share=1.0, key_share=1.0, links=20, targets=("balancer",))
    experiment = Experiment("drill", 5, "", (), lambda timeline: 0, load, schedule, "")
    look(runtime)  # a stage without a cluster is told so before any load
    timeline = run(experiment, runtime, progress)
    if changing.change is None:
        raise LabError("The load ended before the lead could change. Is the machine very busy? Try again.")
    return _seen(changing, changing.change, timeline, look(runtime))


def _seen(changing: _Changing, change: Change, timeline: Timeline, cluster: Cluster) -> Drill:
    called = timeline.faults[0].start  # on the run's clock, the moment that `changing.called` is on this machine's
    began = called + change.began - changing.called
    writes = [request for request in timeline.requests if request.name == POST]
    acknowledged = sorted(request.end for request in writes if request.outcome == "ok")
    failed = [request.end for request in writes if request.unserved and request.end > began]
    before, after = _gap(acknowledged, began)
    return Drill(
        change=change,
        timeline=timeline,
        detected=min(failed) - began if failed else None,
        free=None if change.free is None else change.free - change.began,
        promoted=change.promoted - change.began,
        reconnected=None if after is None else after - began,
        outage=None if before is None or after is None else after - before,
        rejoined=changing.rejoined,
        cluster=cluster,
    )


def _gap(acknowledged: list[float], began: float) -> tuple[float | None, float | None]:
    """The longest time without an acknowledged write that ends after the change began."""
    pairs = [pair for pair in pairwise(acknowledged) if pair[1] > began]
    return max(pairs, key=lambda pair: pair[1] - pair[0], default=(None, None))


def told(drill: Drill) -> str:
    """The time line and what it comes to, for the learner."""
    change = drill.change
    rows = [(0.0, f"{change.old} led, and the change begins")]
    if drill.detected is not None:
        rows.append((drill.detected, "detected: a client's write failed for the first time"))
    if drill.free is not None:
        rows.append((drill.free, f"lease out: the key in etcd is {change.old}'s no more"))
    rows.append((drill.promoted, f"promoted: {change.new} takes writes"))
    if drill.reconnected is not None:
        rows.append((drill.reconnected, "reconnected: a client's write is acknowledged again"))
    lines = [f"  {seconds:7.2f} s  {what}" for seconds, what in sorted(rows)]
    if drill.rejoined is not None:
        node = drill.cluster.nodes.get(change.old)
        lines.append(f"  started again, {change.old} followed {change.new} after {drill.rejoined:.1f} s ({node})")
    outage = "no write came through again" if drill.outage is None else f"{drill.outage:.2f} s"
    lines += [
        "",
        f"RTO {outage}: from the last acknowledged write before to the first one after, as the clients saw it.",
        f"RPO: of {drill.acknowledged:,} acknowledged links {drill.lost} are lost.",
    ]
    return "\n" + "\n".join(lines)
