"""Keeps the connection that it opened first, dead or alive."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg

from checks.broken.spoil import run
from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres import connections


class LoyalConnections:
    def __init__(self, url: str, size: int = 10) -> None:
        self._url = url
        self._turn = asyncio.Semaphore(1)
        self._first: psycopg.AsyncConnection[Any] | None = None

    async def fetch(self, query: Any, parameters: Sequence[Any] = ()) -> list[Any]:
        async with self._turn:
            try:
                if self._first is None:
                    self._first = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
                return await (await self._first.execute(query, parameters)).fetchall()
            except psycopg.Error as error:
                raise Unavailable(str(error)) from error

    async def close(self) -> None:
        if self._first is not None:
            await self._first.close()


connections.Connections = LoyalConnections  # type: ignore[misc,assignment]
run()
