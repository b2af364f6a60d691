"""`lab failover` and `lab switchover`: clients write all the time while another node comes to lead; what they saw of
it, with each phase on one time line."""

from __future__ import annotations

from dataclasses import dataclass

from infra.failover.patroni import nodes
from infra.runtime.protocol import Progress, Runtime
from labs.lab5_failover.strikes import STRIKES, Strike
from labs.lab5_failover.trial import BEGINS, Trial, trial

_LEASE = 20.0  # seconds: `ttl` in infra/config/patroni/patroni.yml
_AROUND = 10.0  # seconds of load besides
_LINES = 100_000  # of a node's log: more than a day of it, as Patroni says one a second
_REWOUND = "pg_rewind exit code=0"  # Patroni's own words, once pg_rewind has done its work


@dataclass(frozen=True)
class Drill:
    """A trial of one strike; and whether the node that led was wound back before it followed."""

    trial: Trial
    rewound: bool


def forced(runtime: Runtime, progress: Progress, *, fenced: bool) -> Drill:
    """The leader's host is killed. Raises LabError when no other one comes to lead, or nobody can write at all."""
    strike = STRIKES["host-fenced" if fenced else "host"]
    return _drill(runtime, strike, BEGINS + _AROUND + (0.0 if fenced else _LEASE), progress)


def planned(runtime: Runtime, progress: Progress) -> Drill:
    """The lead is handed over in order."""
    return _drill(runtime, STRIKES["switchover"], BEGINS + _AROUND, progress)


def rewinds(runtime: Runtime, node: str) -> int:
    """How often that node was wound back, as its log says."""
    return runtime.logs(node, lines=_LINES).count(_REWOUND)


def _drill(runtime: Runtime, strike: Strike, seconds: float, progress: Progress) -> Drill:
    before = {node: rewinds(runtime, node) for node in nodes(runtime)}
    done = trial(runtime, (strike,), seconds, progress)
    old = done.struck[0].change.old
    return Drill(done, rewinds(runtime, old) > before[old])


def told(drill: Drill) -> str:
    """The time line and what it comes to, for the learner."""
    done, struck = drill.trial, drill.trial.struck[0]
    change = struck.change
    rows = [
        (0.0, f"{change.old} leads, and is struck: {struck.strike.what}"),
        (struck.detected, "detected: a client's write fails for the first time"),
        (struck.free, f"lease out: the key in etcd is no more {change.old}'s"),
        (struck.promoted, f"promoted: {change.new} takes writes"),
        (struck.reconnected, "reconnected: a client's write is acknowledged again"),
    ]
    seen = sorted((seconds, what) for seconds, what in rows if seconds is not None)
    lines = [f"  {seconds:7.2f} s  {what}" for seconds, what in seen]
    rejoined = "was wound back with pg_rewind" if drill.rewound else "followed without a rewind"
    outage = "no write came through again" if struck.outage is None else f"{struck.outage:.2f} s"
    lines += [
        f"  All nodes followed {change.new} {struck.rejoined:.1f} s after {change.old} was let go on.",
        f"  {change.old} {rejoined}.",
        "",
        f"RTO {outage}: from the last acknowledged write before to the first one after, as the clients saw it.",
        f"RPO: of {done.acknowledged:,} acknowledged links {len(done.lost)} are lost.",
    ]
    return "\n" + "\n".join(lines)
