"""A bounded pool of Postgres connections that always answers in time, also when the server hangs. Lab 2."""

import asyncio
import os
import select
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from shortener.lab1_file.links import Unavailable

Parameters = Sequence[Any] | Mapping[str, Any]
Connection = psycopg.AsyncConnection[TupleRow]

SECONDS = 2.0  # for all of it: to wait for a free connection, to connect, to query
SETTINGS = "-c statement_timeout=1500 -c lock_timeout=1000 -c timezone=UTC"  # a server that lives gives up first


class Connections:
    """psycopg's own pool waits longer and longer between two attempts to reconnect. This one connects when a request
    needs it, so the service is back as soon as its database is."""

    def __init__(self, url: str, size: int = 10) -> None:
        self._url = url
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    async def fetch(self, query: str, parameters: Parameters = ()) -> list[TupleRow]:
        """The rows of one statement, committed. Raises Unavailable: then nobody knows whether a write was applied."""
        end = asyncio.get_running_loop().time() + SECONDS
        try:
            async with asyncio.timeout_at(end):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable("all connections to the database are busy") from None
        try:
            return await self._fetch(query, parameters, end)
        except psycopg.errors.UndefinedTable as error:
            raise Unavailable("the database has no tables yet: run the migrations") from error
        except (psycopg.Error, OSError, TimeoutError) as error:
            diagnosis = error.diag.message_primary if isinstance(error, psycopg.Error) else None
            raise Unavailable(f"the database cannot answer: {diagnosis or 'it is out of reach'}") from error
        finally:
            self._slots.release()

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    async def _fetch(self, query: str, parameters: Parameters, end: float) -> list[TupleRow]:
        async with asyncio.timeout_at(end):
            connection = await self._take_idle() or await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, options=SETTINGS
            )
        # Cancelled, a query would ask the server and wait for it. A socket that is shut down ends the wait at once.
        watchdog = asyncio.get_running_loop().call_at(end, _hang_up, connection)
        try:
            return await (await connection.execute(query, parameters)).fetchall()
        finally:
            watchdog.cancel()
            if connection.closed:
                await self.close()  # whatever ended this one has likely ended the idle ones
            else:
                self._idle.append(connection)

    async def _take_idle(self) -> Connection | None:
        """An idle connection whose server has said nothing: what it says to an idle one is farewell."""
        while self._idle:
            connection = self._idle.pop()
            poll = select.poll()
            poll.register(connection.fileno(), select.POLLIN)
            if not poll.poll(0):
                return connection
            await connection.close()
        return None


def _hang_up(connection: Connection) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as same_socket:
        same_socket.shutdown(socket.SHUT_RDWR)
