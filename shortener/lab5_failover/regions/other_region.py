"""The way to the other region: JSON over a few kept-alive connections, and never longer than two seconds. Lab 5.

A connection that is open already is worth a round trip of 200 ms."""

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import orjson

from shortener.lab1_file.links import Unavailable

SECONDS = 2.0  # for all of it: to connect, to send, to wait for the answer
IDLE_SECONDS = 3.0  # that a connection may rest; the other side closes it after 5

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class OtherRegion:
    def __init__(self, name: str, url: str) -> None:
        """`url` such as http://region-west:8000."""
        place = urlsplit(url)
        self.name, self._host, self._port = name, place.hostname or "", place.port or 80
        self._idle: list[tuple[Connection, float]] = []

    async def post(self, path: str, document: Any) -> tuple[int, Any]:
        """Status and JSON of the answer. Raises Unavailable: then nobody knows whether it was done there."""
        try:
            async with asyncio.timeout(SECONDS):
                connection = self._rested() or await asyncio.open_connection(self._host, self._port)
                answer = await self._exchange(connection, path, orjson.dumps(document))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
            raise Unavailable(f"region {self.name} is out of reach: whether it has done it, nobody knows") from error
        self._idle.append((connection, time.monotonic()))
        return answer

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[0][1].close()

    def _rested(self) -> Connection | None:
        """An idle connection that the other side has not closed."""
        while self._idle:
            (reader, writer), since = self._idle.pop()
            if time.monotonic() - since < IDLE_SECONDS and not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return None

    async def _exchange(self, connection: Connection, path: str, body: bytes) -> tuple[int, Any]:
        reader, writer = connection
        try:
            head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
            status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            (length,) = (int(line.partition(":")[2]) for line in headers if line.startswith("content-length:"))
            return int(status.split()[1]), orjson.loads(await reader.readexactly(length))
        except BaseException:
            writer.transport.abort()  # half an answer may be on its way: nobody may use this connection again
            raise
