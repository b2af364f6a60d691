"""`lab failover` and `lab switchover`: clients write all the time while another node comes to lead; what they saw of
it, with each phase on one time line."""

from __future__ import annotations

from infra.runtime.protocol import Progress, Runtime
from labs.lab5_failover.strikes import STRIKES
from labs.lab5_failover.trial import BEGINS, Trial, trial

_LEASE = 20.0  # seconds: `ttl` in infra/config/patroni/patroni.yml
_AROUND = 10.0  # seconds of load besides


def forced(runtime: Runtime, progress: Progress, *, fenced: bool) -> Trial:
    """The leader's host is killed. Raises LabError when no other one comes to lead, or nobody can write at all."""
    strike = STRIKES["host-fenced" if fenced else "host"]
    return trial(runtime, (strike,), BEGINS + _AROUND + (0.0 if fenced else _LEASE), progress)


def planned(runtime: Runtime, progress: Progress) -> Trial:
    """The lead is handed over in order."""
    return trial(runtime, (STRIKES["switchover"],), BEGINS + _AROUND, progress)


def told(drill: Trial) -> str:
    """The time line and what it comes to, for the learner."""
    struck = drill.struck[0]
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
    outage = "no write came through again" if struck.outage is None else f"{struck.outage:.2f} s"
    lines += [
        f"  All nodes followed {change.new} {struck.rejoined:.1f} s after {change.old} was let go on.",
        "",
        f"RTO {outage}: from the last acknowledged write before to the first one after, as the clients saw it.",
        f"RPO: of {drill.acknowledged:,} acknowledged links {len(drill.lost)} are lost.",
    ]
    return "\n" + "\n".join(lines)
