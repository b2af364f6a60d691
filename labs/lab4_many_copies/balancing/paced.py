"""Redirects through the balancer at a steady pace, each asked for when it is due, whatever has become of the others.

Visitors who wait for their answer before they ask again ask a slow copy less: their own pace would hide what the
balancer does. Lab 4."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from infra.errors import LabError
from infra.experiment.load.zipf import Zipf
from labs.lab4_many_copies import interruptible

PATIENCE = 6.0  # seconds for one answer: a little over what the service promises
_AT_ONCE = 400  # requests
_SERVED_BY = re.compile(rb"\r\nserved-by: *([^\s(]+)", re.IGNORECASE)
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Redirect:
    """`copy` is who answered, "" when nobody answered well."""

    link: str
    copy: str
    seconds: float


@dataclass(frozen=True)
class Pace:
    rate: float  # redirects a second
    seconds: float


def follow(address: tuple[str, int], links: Sequence[str], pace: Pace) -> list[Redirect]:
    """Popular links most (Zipf's law). Raises LabError when answers do not say which copy they are from."""
    found = interruptible.run(_follow(address, links, pace))
    if not any(redirect.copy for redirect in found):
        raise LabError(
            f"Of {len(found)} redirects not one came back with a Served-By header, which tells its copy. "
            "See `lab status` and `curl -i` one of the links."
        )
    return found


async def _follow(address: tuple[str, int], links: Sequence[str], pace: Pace) -> list[Redirect]:
    zipf, idle = Zipf(len(links)), list[_Connection]()
    began, tasks = time.perf_counter(), list[asyncio.Task[Redirect]]()
    slots = asyncio.Semaphore(_AT_ONCE)
    try:
        for number in range(round(pace.rate * pace.seconds)):
            await asyncio.sleep(max(0.0, began + number / pace.rate - time.perf_counter()))
            tasks.append(asyncio.create_task(_ask(address, links[zipf.draw()], idle, slots)))
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        for connection in idle:
            connection.close()


async def _ask(address: tuple[str, int], link: str, idle: list[_Connection], slots: asyncio.Semaphore) -> Redirect:
    began, copy = time.perf_counter(), ""
    async with slots:
        connection = idle.pop() if idle else _Connection()
        try:
            async with asyncio.timeout(PATIENCE):
                head = await connection.ask(address, link)
            idle.append(connection)
            served_by = _SERVED_BY.search(head)
            if head.startswith(b"HTTP/1.1 302") and served_by:
                copy = served_by[1].decode(errors="replace")
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise
    return Redirect(link, copy, time.perf_counter() - began)


class _Connection:
    """One kept-alive connection. No body is expected in a redirect, and one that comes ends the connection."""

    def __init__(self) -> None:
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, address: tuple[str, int], link: str) -> bytes:
        """The head of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*address)
        reader, writer = self._streams
        writer.write(f"GET /{link} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await reader.readuntil(_END)
        if b"\r\ncontent-length: 0\r\n" not in head.lower():
            self.close()
        return head

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None
