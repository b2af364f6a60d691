"""Connections to whichever server leads: writes, and the reads that no replica can answer. Lab 5."""

import asyncio

import psycopg
from prometheus_client import Counter
from psycopg.rows import TupleRow

from shortener.lab1_file.batches import Batches
from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.connections import SECONDS, Parameters
from shortener.lab4_many_copies.shedding import SheddingConnections
from shortener.lab5_failover.bounds import COMMIT_GRACE, POSITION
from shortener.lab5_failover.leader import Leader
from shortener.lab5_failover.position import Position, leader_has
from shortener.lab5_failover.server_connection import NotReplicated, Reading, ServerConnection
from shortener.lab5_failover.server_connections import ServerConnections
from shortener.lab5_failover.session import current


class LeaderConnections(ServerConnections):
    """All pools of a process share one `leader`: when one of them loses it, all drop their connections to it."""

    seconds = SECONDS

    def __init__(self, url: str, size: int, *, leader: Leader) -> None:
        super().__init__(url, size)
        self.leader = leader
        self._positions: Batches[None, Position] = Batches(self._ask_position)

    async def position(self) -> Position:
        """A place in the log behind all that is committed now; those who ask at once share the question.

        Raises Unavailable within POSITION."""
        try:
            async with asyncio.timeout(POSITION):
                return await self._positions.put(None)
        except TimeoutError:
            raise Unavailable("nobody has said in time how far the log has come") from None

    def leads(self, reading: Reading[object], wanted: Position | None) -> bool:
        """Whether the server that was read leads still. Otherwise it lacks what its client has seen, or some other
        server has begun a new timeline; then the leader is looked for anew."""
        if self.leader.superseded(reading.has):
            self.leader.forget(reading.epoch)
            return False
        if not leader_has(reading.has, wanted):
            self.leader.doubt(reading.epoch)
            return False
        return True

    async def _fetch(self, query: str, parameters: Parameters, end: float) -> list[TupleRow]:
        """A write. It is tried again only where the server says that it has done nothing: there it leads no more."""
        while True:
            async with self._lent(end) as connection:
                try:
                    rows, position = await connection.write(query, parameters, end - COMMIT_GRACE)
                    break
                except NotReplicated:  # its standby may lead by now, and this one not know it
                    self.leader.forget(connection.epoch)
                    raise
                except psycopg.errors.ReadOnlySqlTransaction:
                    connection.hang_up()
                    await connection.close()
        if self.leader.superseded(position):
            self.leader.forget(connection.epoch)
            raise Unavailable("the server that took it leads no more: nobody knows whether it stays")
        self.leader.heard_of(position)
        current().saw(position)
        return rows

    async def _connect(self, end: float) -> ServerConnection:
        return await self.leader.connect(end)

    def _is_current(self, connection: ServerConnection) -> bool:
        return connection.epoch == self.leader.epoch and not self.leader.superseded(connection.position)

    def _lost(self, connection: ServerConnection) -> None:
        self.leader.forget(connection.epoch)

    async def _ask_position(self, asking: list[None]) -> list[Position]:
        reading = await self.read("SELECT 1")
        if not self.leads(reading, None):
            raise Unavailable("the server that was asked leads no more")
        return [reading.seen] * len(asking)


class LeaderWrites(SheddingConnections, LeaderConnections):
    """With lab 4's shedding around them: a write that would wait too long is refused at once."""

    def __init__(self, leader: Leader, size: int, most_seconds: float, shed: Counter) -> None:
        super().__init__("", size, most_seconds, shed, leader=leader)
