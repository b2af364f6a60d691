"""Waits for its database as long as it takes: no deadline, neither here nor at the server."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg

from checks.broken.spoil import run
from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres import connections


class PatientConnections:
    def __init__(self, url: str, size: int = 10) -> None:
        self._url = url
        self._slots = asyncio.Semaphore(size)
        self._idle: list[psycopg.AsyncConnection[Any]] = []

    async def fetch(self, query: Any, parameters: Sequence[Any] = ()) -> list[Any]:
        async with self._slots:
            try:
                connection = self._idle.pop() if self._idle else await self._connect()
                rows = await (await connection.execute(query, parameters)).fetchall()
            except psycopg.Error as error:
                raise Unavailable(str(error)) from error
            self._idle.append(connection)
            return rows

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(self._url, autocommit=True)

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()


connections.Connections = PatientConnections  # type: ignore[misc,assignment]
run()
