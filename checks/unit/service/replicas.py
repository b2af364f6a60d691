"""Lab 5's reads, writes and cache over a real primary and a real standby."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter

from shortener.lab3_cache_and_events.link_events import LinkEvents
from shortener.lab5_failover.leader import Leader, servers
from shortener.lab5_failover.leader_connections import LeaderWrites
from shortener.lab5_failover.position import Position
from shortener.lab5_failover.replica_reads import ReplicaReads
from shortener.lab5_failover.replica_store import ReplicaStore
from shortener.lab5_failover.session import CURRENT, Session


@dataclass
class Side:
    """One copy's side of the database."""

    leader: Leader
    reads: ReplicaReads
    writes: LeaderWrites
    store: ReplicaStore
    links: LinkEvents
    metrics: CollectorRegistry = field(repr=False)

    def reads_by(self, server: str) -> float:
        return self.metrics.get_sample_value("database_reads_total", {"server": server}) or 0

    def fallen_back(self, why: str) -> float:
        return self.metrics.get_sample_value("database_reads_fallen_back_total", {"why": why}) or 0


@contextlib.asynccontextmanager
async def opened(url: str, replica_url: str = "") -> AsyncIterator[Side]:
    metrics, leader = CollectorRegistry(), Leader(url)
    shed = Counter("requests_shed", "", registry=metrics)
    reads = ReplicaReads(leader, 2, servers(replica_url, "X") if replica_url else [], metrics)
    writes = LeaderWrites(leader, 4, 1.0, shed)
    try:
        yield Side(leader, reads, writes, ReplicaStore(reads), LinkEvents(writes), metrics)
    finally:
        await reads.close()
        await writes.close()
        await leader.close()


@contextlib.contextmanager
def request(asked: Position | None = None) -> Iterator[Session]:
    """What is called within belongs to one request of a client that has seen `asked`."""
    session = Session(asked)
    before = CURRENT.set(session)
    try:
        yield session
    finally:
        CURRENT.reset(before)
