"""A connection to one Postgres server that says with each answer which place of the log it comes from. Lab 5."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import psycopg
from psycopg.rows import TupleRow

from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.connections import SETTINGS, Parameters
from shortener.lab5_failover.bounds import COMMIT_GRACE
from shortener.lab5_failover.position import Position, seen_at

Value = TypeVar("Value", covariant=True)
FAILURES = (psycopg.Error, OSError, TimeoutError)

# The timeline that a replica receives is known while it receives; else that of its last checkpoint, which may be older
# than the truth: then the replica counts as one that has not caught up. A place in the log becomes a number of bytes.
POSITION = """
SELECT replica,
    CASE WHEN replica THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver),
                                    (SELECT timeline_id FROM pg_control_checkpoint()))
         ELSE ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int END,
    ((CASE WHEN replica THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END) - '0/0')::bigint,
    (CASE WHEN replica THEN pg_last_wal_receive_lsn() END - '0/0')::bigint
FROM (SELECT pg_is_in_recovery() AS replica OFFSET 0) AS server"""
CLUSTER = "SELECT system_identifier FROM pg_control_system()"


class NotReplicated(Unavailable):
    """The leader has committed it, and gave up to wait for the standby: a failover may lose it."""


@dataclass(frozen=True, slots=True)
class Reading(Generic[Value]):
    """`has` is a place that the reader's snapshot has surely reached, `seen` one beyond which it has surely seen
    nothing."""

    value: Value
    has: Position
    seen: Position
    epoch: int  # of the leader that was asked, see Leader; a replica has none


class ServerConnection(psycopg.AsyncConnection[TupleRow]):
    """Use it within `bounded`: a query that is cancelled would ask the server about it, and wait for that."""

    cluster = 0
    epoch = 0  # of the leader, see Leader
    replica = False  # when it was last asked
    position = Position(0, 0, 0)  # then
    _in_doubt = False
    _cancelling: asyncio.Task[None] | None = None

    @classmethod
    async def to(cls, server: Mapping[str, Any], end: float) -> Self:
        """Raises FAILURES, TimeoutError at `end` on the loop's clock."""
        async with asyncio.timeout_at(end):
            connection = await cls.connect(**server, autocommit=True, options=SETTINGS)
        connection.add_notice_handler(connection._heed)
        try:
            with connection.bounded(end):
                async with connection.pipeline():
                    cluster = await connection.execute(CLUSTER)
                    position = await connection.execute(POSITION)
                (connection.cluster,) = await cluster.fetchone() or (0,)
                connection._note(await position.fetchone())
        except BaseException:
            await connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def bounded(self, end: float) -> Iterator[None]:
        """At `end` what is under way ends with an error."""
        watchdog = asyncio.get_running_loop().call_at(end, self.hang_up)
        try:
            yield
        finally:
            watchdog.cancel()

    def hang_up(self) -> None:
        """Whoever waits for the server gets an error now."""
        with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(self.fileno())) as same_socket:
            same_socket.shutdown(socket.SHUT_RDWR)

    async def look(self) -> Position:
        """Where the server stands, and whether it is a replica."""
        return self._note(await (await self.execute(POSITION)).fetchone())

    async def read(self, query: str, parameters: Parameters = ()) -> Reading[list[TupleRow]]:
        """One round trip. The three are one transaction, in which each statement has a snapshot of its own."""
        async with self.pipeline():
            before = await self.execute(POSITION)
            answer = await self.execute(query, parameters)
            after = await self.execute(POSITION)
        rows = await answer.fetchall()
        has = self._note(await before.fetchone())
        return Reading(rows, has, self._note(await after.fetchone(), seen=True), self.epoch)

    async def write(self, query: str, parameters: Parameters, until: float) -> tuple[list[TupleRow], Position]:
        """The rows of one statement, committed, and a place in the log behind it. One round trip.

        Raises NotReplicated when the standby has not got it by `until`, on the loop's clock. What is committed lies
        before the place up to which the log is on disk: it is asked for in a transaction of its own, after the
        commit."""
        self._in_doubt, self._cancelling = False, None
        watchdog = asyncio.get_running_loop().call_at(until, self._end_wait)
        try:
            async with self.pipeline() as pipeline:
                answer = await self.execute(query, parameters)
                await pipeline.sync()
                after = await self.execute(POSITION)
        finally:
            watchdog.cancel()
            if self._cancelling:  # what is under way would hit the next one's write
                await asyncio.wait({self._cancelling})
        if self._in_doubt:
            raise NotReplicated("it is written, but might not have been replicated: nobody knows whether it stays")
        return await answer.fetchall(), self._note(await after.fetchone())

    def _end_wait(self) -> None:
        """statement_timeout ends no commit's wait for the standby. To hang up would not end it either: the server
        would wait on, and soon have no connection left for anybody."""
        self._cancelling = asyncio.create_task(self.cancel_safe(timeout=COMMIT_GRACE))
        self._cancelling.add_done_callback(lambda task: task.cancelled() or task.exception())

    def _heed(self, notice: psycopg.errors.Diagnostic) -> None:
        """Postgres answers a commit whose wait was cancelled with success, and tells it by a warning alone. By the name
        of the function that warns: the words depend on the server's language."""
        if notice.source_function == "SyncRepWaitForLSN":
            self._in_doubt = True

    def _note(self, row: TupleRow | None, seen: bool = False) -> Position:
        if row is None:
            raise psycopg.OperationalError("the server does not say where it stands")
        self.replica, timeline, lsn, received = row
        at = seen_at(lsn, received) if seen and self.replica else lsn
        self.position = Position(self.cluster, timeline, at)
        return self.position
