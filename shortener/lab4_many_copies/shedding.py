"""Load shedding: a write that would wait too long for a connection is refused while it costs nothing yet. Lab 4.

The wait can be told beforehand: those who wait, times what a query takes of late, over the connections. A refusal at
once lets the client go elsewhere, or come back; one after two seconds has cost both sides two seconds."""

import asyncio
from typing import Any

from prometheus_client import Counter
from psycopg.rows import TupleRow

from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.connections import Connections, Parameters

WEIGHT = 0.2  # of the latest query in what one takes of late


class SheddingConnections(Connections):
    def __init__(self, url: str, size: int, most_seconds: float, shed: Counter, **more: Any) -> None:
        """`more` is for other connections than lab 2's, where a class has both kinds as its bases."""
        super().__init__(url, size, **more)
        self._size, self._most, self._shed = size, most_seconds, shed
        self._here = 0  # who wait or are served
        self._query_seconds = 0.0  # what a query takes of late

    def expected_wait(self) -> float:
        """Seconds until one who came now would have a connection."""
        return max(0, self._here - self._size + 1) / self._size * self._query_seconds

    async def fetch(self, query: str, parameters: Parameters = ()) -> list[TupleRow]:
        if self.expected_wait() > self._most:
            self._shed.inc()
            raise Unavailable("too many wait for the database already")
        self._here += 1
        try:
            return await super().fetch(query, parameters)
        finally:
            self._here -= 1

    async def _fetch(self, query: str, parameters: Parameters, end: float) -> list[TupleRow]:
        start = asyncio.get_running_loop().time()
        try:
            return await super()._fetch(query, parameters, end)
        finally:
            seconds = asyncio.get_running_loop().time() - start
            self._query_seconds += WEIGHT * (seconds - self._query_seconds)
