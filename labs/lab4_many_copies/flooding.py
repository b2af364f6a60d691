"""A flood of new links, each POST with another address in X-Forwarded-For; what became of each is counted. Lab 4."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra.experiment.load.urls import unique_url
from labs.lab4_many_copies import interruptible
from labs.lab4_many_copies.new_links import post_from

_CONNECTIONS = 32
_PATIENCE = 6.0  # seconds for one answer: a copy or the balancer ends each within 5
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}).*?\r\ncontent-length: *(\d+)", re.IGNORECASE | re.DOTALL)

Address = tuple[str, int]


@dataclass
class Counts:
    """Whoever draws a picture reads them while the flood goes on."""

    sent: int = 0
    made: int = 0
    refused: int = 0


def flood(doors: Sequence[Address], addresses: Sequence[str], rate: float, seconds: float, counts: Counts) -> None:
    """At most `rate` POSTs a second in all, at the doors in turn, as if from those addresses in turn."""
    interruptible.run(_flood(doors, addresses, rate, seconds, counts))


async def _flood(
    doors: Sequence[Address], addresses: Sequence[str], rate: float, seconds: float, counts: Counts
) -> None:
    clients, run, numbers = itertools.cycle(addresses), f"flood-{time.time_ns():x}", itertools.count()
    until = time.monotonic() + seconds

    def request() -> bytes:
        return post_from(next(clients), unique_url(run, next(numbers)))

    askers = [
        _ask_on(doors[number % len(doors)], request, _CONNECTIONS / rate, until, counts)
        for number in range(_CONNECTIONS)
    ]
    await asyncio.gather(*askers)


async def _ask_on(door: Address, request: Callable[[], bytes], interval: float, until: float, counts: Counts) -> None:
    """One connection after the other: a request, its answer, a pause up to the next turn."""
    due = time.monotonic()
    while due < until:
        with contextlib.suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            reader, writer = await asyncio.open_connection(*door)
            try:
                while due < until:
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                    due = max(due + interval, time.monotonic())
                    counts.sent += 1
                    writer.write(request())
                    async with asyncio.timeout(_PATIENCE):
                        status = await _status(reader)
                    counts.made += status == 201
                    counts.refused += status == 429
            finally:
                writer.transport.abort()
        due = max(due, time.monotonic() + interval)


async def _status(reader: asyncio.StreamReader) -> int:
    """Of the whole next answer. Raises EOFError when it is none."""
    found = _HEAD.match(await reader.readuntil(b"\r\n\r\n"))
    if found is None:
        raise EOFError
    await reader.readexactly(int(found[2]))
    return int(found[1])
