"""Lab 5's cluster as it is now: who leads, whom a commit waits for, on which timeline each is, and how far behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from infra.errors import LabError
from infra.failover.patroni import ask
from infra.runtime.protocol import Runtime

POSTGRES = 5432  # inside the box
LEADER, SYNCHRONOUS, REPLICA = "leader", "synchronous", "replica"
_ROLES = {"leader": LEADER, "sync_standby": SYNCHRONOUS, "replica": REPLICA}


@dataclass(frozen=True)
class Node:
    """One node as the cluster knows it. `lag` in bytes of the log and `lag_seconds` say how far its copy is behind the
    leader (None: nobody knows); a node that is gone for long is no member any more."""

    name: str
    role: str
    state: str
    timeline: int | None = None
    lag: int | None = None
    lag_seconds: float | None = None

    def __str__(self) -> str:
        state = "" if self.state in ("running", "streaming") else self.state
        parts = [self.role, state, f"timeline {self.timeline}" if self.timeline else ""]
        if self.role != LEADER and self.lag is not None:
            seconds = "" if self.lag_seconds is None else f" and {self.lag_seconds:.3f} s"
            parts.append(f"{self.lag:,} bytes{seconds} behind")
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class Cluster:
    """`nodes` by name; `synchronous` is whether commits shall wait for another node."""

    nodes: dict[str, Node]
    synchronous: bool

    @property
    def leader(self) -> str | None:
        return next((node.name for node in self.nodes.values() if node.role == LEADER), None)

    @property
    def standbys(self) -> list[str]:
        """Those that a commit waits for: none but these may lead next."""
        return [node.name for node in self.nodes.values() if node.role == SYNCHRONOUS]


def look(runtime: Runtime) -> Cluster:
    """Raises LabError when no node answers, or the stage has no cluster."""
    members = ask(runtime, "/cluster")["members"]
    synchronous = bool(ask(runtime, "/config").get("synchronous_mode"))
    leader = next((member["name"] for member in members if member["role"] == "leader"), None)
    seconds = _lag_seconds(runtime, leader) if leader else {}
    return Cluster({member["name"]: _node(member, seconds) for member in members}, synchronous)


def leader_of(runtime: Runtime) -> str:
    """Raises LabError when nobody leads."""
    found = look(runtime).leader
    if found is None:
        raise LabError(
            "The cluster has no leader just now. `lab status` shows its nodes; `make heal` brings them back."
        )
    return found


def _node(member: dict[str, Any], seconds: dict[str, float]) -> Node:
    lag = member.get("lag")  # "unknown" where Patroni cannot tell
    return Node(
        name=member["name"],
        role=_ROLES.get(member["role"], member["role"]),
        state=member["state"],
        timeline=member.get("timeline"),
        lag=lag if isinstance(lag, int) else None,
        lag_seconds=seconds.get(member["name"]),
    )


def _lag_seconds(runtime: Runtime, leader: str) -> dict[str, float]:
    """How long ago each standby was where it is now, as the leader measured it last; nothing while it has no answer."""
    query = "SELECT application_name, coalesce(extract(epoch FROM replay_lag), 0)::float FROM pg_stat_replication"
    with contextlib.suppress(psycopg.Error, LabError), connected(runtime, leader) as connection:
        return dict(connection.execute(query).fetchall())
    return {}


@contextlib.contextmanager
def connected(runtime: Runtime, node: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to that node's Postgres, past the service. Raises psycopg.Error when there is none within 2 s."""
    box = runtime.stage.box(node).environment
    host, port = runtime.address(node, POSTGRES)
    with psycopg.connect(
        host=host,
        port=port,
        user=box["PATRONI_SUPERUSER_USERNAME"],
        password=box["PATRONI_SUPERUSER_PASSWORD"],
        dbname=box["POSTGRES_DB"],
        connect_timeout=2,
        autocommit=True,
    ) as connection:
        yield connection
