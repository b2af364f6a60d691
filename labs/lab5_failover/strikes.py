"""What can befall the node that leads, and how the cluster becomes whole again: a fault a line."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.errors import LabError, NotInTime
from infra.failover.change import Change, awaited, fail_over, switch_over
from infra.failover.cluster import look
from infra.failover.patroni import nodes
from infra.runtime.protocol import Runtime

_WHOLE = 180.0  # seconds until every node follows again, on a busy machine; 2 to 17 on a quiet one
_GLANCE = 0.1


@dataclass(frozen=True)
class Strike:
    """`do` returns once another node leads. `mend` takes back what it left; the nodes then find together themselves."""

    name: str
    what: str
    do: Callable[[Runtime], Change]
    mend: Callable[[Runtime, str], None] = lambda runtime, node: None


def _kill_process(process: str) -> Callable[[Runtime], Change]:
    return lambda runtime: awaited(runtime, lambda leader: runtime.kill_process(leader, process))


STRIKES = {
    strike.name: strike
    for strike in (
        Strike(
            "host-fenced",
            "host killed, its lease taken",
            lambda runtime: fail_over(runtime, fenced=True),
            lambda runtime, node: runtime.start(node),
        ),
        Strike(
            "host",
            "host killed",
            lambda runtime: fail_over(runtime, fenced=False),
            lambda runtime, node: runtime.start(node),
        ),
        Strike("postgres", "only Postgres killed", _kill_process("postgres")),
        Strike(
            "patroni",
            "only Patroni killed",
            _kill_process("patroni"),
            lambda runtime, node: runtime.restart(node),
        ),
        Strike(
            "pause",
            "paused past its lease",
            lambda runtime: awaited(runtime, runtime.pause),
            lambda runtime, node: runtime.resume(node),
        ),
        Strike("switchover", "handed over as planned", switch_over),
    )
}


def until_whole(runtime: Runtime) -> float:
    """The seconds until every node is a member again, all on the leader's timeline, one of them synchronous where
    commits wait for one. Raises NotInTime when that takes too long."""
    began = time.monotonic()
    while time.monotonic() < began + _WHOLE:
        if _whole(runtime):
            return time.monotonic() - began
        time.sleep(_GLANCE)
    raise NotInTime(f"Not every node of the cluster follows its leader after {_WHOLE:g} s. Look with `lab status`.")


def _whole(runtime: Runtime) -> bool:
    try:
        cluster = look(runtime)
    except LabError:
        return False
    members = cluster.nodes.values()
    return (
        len(cluster.nodes) == len(nodes(runtime))
        and cluster.leader is not None
        and all(node.state in ("running", "streaming") for node in members)
        and len({node.timeline for node in members}) == 1
        and bool(cluster.standbys) is cluster.synchronous
    )
