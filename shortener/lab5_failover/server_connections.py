"""A bounded pool of connections to one Postgres server, whose reads say how new they are. Lab 5."""

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import AsyncIterator

import psycopg
from psycopg.rows import TupleRow

from shortener.lab1_file.batches import Batches
from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.connections import Connections, Parameters
from shortener.lab5_failover.server_connection import FAILURES, Reading, ServerConnection

FIND_URLS = "SELECT id, url FROM links WHERE id = ANY(%s::text[])"


class ServerConnections(Connections):
    """Lab 2's pool of one's own kind of connections. A subclass says which server they lead to."""

    seconds: float  # for all of a read: to wait for a free connection, to connect, to query

    def __init__(self, url: str, size: int) -> None:
        super().__init__(url, size)
        self.urls: Batches[str, Reading[str | None]] = Batches(self._find_urls)

    @abstractmethod
    async def _connect(self, end: float) -> ServerConnection:
        """Raises FAILURES or Unavailable, by `end` on the loop's clock."""

    def _is_current(self, connection: ServerConnection) -> bool:
        """Whether an idle connection leads where it should."""
        return True

    def _check(self, connection: ServerConnection) -> None:
        """Raises Unavailable when what was read from that server shall not count."""

    def _lost(self, connection: ServerConnection) -> None:
        """Told that a connection has ended."""

    async def read(self, query: str, parameters: Parameters = ()) -> Reading[list[TupleRow]]:
        """Raises Unavailable within `seconds`."""
        end = asyncio.get_running_loop().time() + self.seconds
        try:
            async with asyncio.timeout_at(end):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable("all connections to the database are busy") from None
        try:
            async with self._lent(end) as connection:
                reading = await connection.read(query, parameters)
                self._check(connection)
                return reading
        except psycopg.errors.UndefinedTable as error:
            raise Unavailable("the database has no tables yet: run the migrations") from error
        except FAILURES as error:
            raise Unavailable("the database cannot answer: it is out of reach") from error
        finally:
            self._slots.release()

    @contextlib.asynccontextmanager
    async def _lent(self, end: float) -> AsyncIterator[ServerConnection]:
        """A connection for one query until `end`; whoever calls holds one of the slots."""
        connection = await self._idle_one() or await self._connect(end)
        try:
            with connection.bounded(end):
                yield connection
        finally:
            if connection.closed:
                await connection.close()
                await self.close()  # whatever ended this one has likely ended the idle ones
                self._lost(connection)
            else:
                self._idle.append(connection)

    async def _idle_one(self) -> ServerConnection | None:
        while connection := await self._take_idle():
            if isinstance(connection, ServerConnection) and self._is_current(connection):
                return connection
            await connection.close()
        return None

    async def _find_urls(self, link_ids: list[str]) -> list[Reading[str | None]]:
        """One query for all who wait, as in lab 2: base62 needs no quotes in an array."""
        reading = await self.read(FIND_URLS, ("{" + ",".join(link_ids) + "}",))
        urls: dict[str, str] = dict(reading.value)
        return [Reading(urls.get(link_id), reading.has, reading.seen, reading.epoch) for link_id in link_ids]
