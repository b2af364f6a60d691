"""Reads from replicas, as new as their client needs them; the leader answers what no replica can in time. Lab 5."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter
from psycopg.rows import TupleRow

from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.connections import Parameters
from shortener.lab5_failover.bounds import CATCH_UP, LONGEST_PAUSE, PAUSE
from shortener.lab5_failover.leader import Leader, Server
from shortener.lab5_failover.leader_connections import LeaderConnections
from shortener.lab5_failover.position import Position, replica_has
from shortener.lab5_failover.replica import Replica
from shortener.lab5_failover.server_connection import Reading
from shortener.lab5_failover.server_connections import ServerConnections
from shortener.lab5_failover.session import current

Value = TypeVar("Value")
Ask = Callable[[ServerConnections], Awaitable[Reading[Value]]]

BEHIND, AWAY, NOT_FOUND = "behind", "away", "not_found"  # why the leader was asked


class ReplicaReads(LeaderConnections):
    """The leader's connections for reads; each read asks the replicas first. Without replicas it asks the leader."""

    def __init__(self, leader: Leader, size: int, replicas: Sequence[Server], metrics: CollectorRegistry) -> None:
        super().__init__("", size, leader=leader)
        self.replicas = [Replica(server) for server in replicas]
        self._turns = itertools.count()
        reads = Counter("database_reads", "Reads of the database, by who answered.", ("server",), registry=metrics)
        self._by_replica, self._by_leader = reads.labels("replica"), reads.labels("leader")
        fallen_back = Counter(
            "database_reads_fallen_back", "Reads that replicas left to the leader.", ("why",), registry=metrics
        )
        self._fallen_back = {why: fallen_back.labels(why) for why in (BEHIND, AWAY, NOT_FOUND)}

    async def fetch(self, query: str, parameters: Parameters = ()) -> list[TupleRow]:
        """The rows of one SELECT, as new as the current session needs them. Raises Unavailable."""
        session = current()
        reading = await self.routed(lambda server: server.read(query, parameters), session.asked)
        session.saw(reading.seen)
        return reading.value

    async def find_url(self, link_id: str, wanted: Position | None) -> Reading[str | None]:
        """At least as new as `wanted`. All who wait for one server share a query. Raises Unavailable."""
        return await self.routed(lambda server: server.urls.put(link_id), wanted)

    async def routed(self, ask: Ask[Value], wanted: Position | None) -> Reading[Value]:
        """What a replica that has `wanted` answers, else what the leader does.

        That there is nothing is believed of the leader alone: a link may be too new for the replica, and whoever hears
        that it is not there believes it for long."""
        reading, why = await self._by_a_replica(ask, wanted) if self.replicas else (None, "")
        if reading is not None and reading.value:
            self._by_replica.inc()
            return reading
        if why:
            self._fallen_back[why].inc()
        reading = await self._by_the_leader(ask, wanted)
        self._by_leader.inc()
        return reading

    async def close(self) -> None:
        await super().close()
        for replica in self.replicas:
            await replica.close()

    async def _by_a_replica(self, ask: Ask[Value], wanted: Position | None) -> tuple[Reading[Value] | None, str]:
        """The answer, or why there is none."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + CATCH_UP, PAUSE
        behind: list[Replica] = []
        while replica := self._next(wanted):
            try:
                reading = await ask(replica)
            except Unavailable:
                continue  # it is left alone for a while now
            self.leader.heard_of(reading.has)
            if replica_has(reading.has, wanted):
                return reading, "" if reading.value else NOT_FOUND
            behind.append(replica)
            if loop.time() > end:
                for each in behind:
                    each.lags()
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        lag = behind or any(replica.is_behind(wanted) for replica in self.replicas)
        return None, BEHIND if lag else AWAY

    async def _by_the_leader(self, ask: Ask[Value], wanted: Position | None) -> Reading[Value]:
        """The server that led last may be superseded: then it is looked for anew, once."""
        reading = await ask(self)
        if not self.leads(reading, wanted):
            reading = await ask(self)
            if not self.leads(reading, wanted):
                raise Unavailable("no server has what was seen before: the one that leads is looked for")
        return reading

    def _next(self, wanted: Position | None) -> Replica | None:
        """They take turns."""
        first = next(self._turns)
        for number in range(len(self.replicas)):
            replica = self.replicas[(first + number) % len(self.replicas)]
            if not self.leader.is_at(replica.server) and replica.may_answer(wanted):
                return replica
        return None
