"""Tries a write that failed again, and leaves the key out: the first one may have been applied."""

import asyncio

from checks.broken.spoil import run
from shortener.lab1_file.links import Link, Unavailable
from shortener.lab2_postgres.connections import Connections
from shortener.lab3_cache_and_events.idempotency import IdempotentLinks
from shortener.lab3_cache_and_events.link_events import LinkEvents

TRIES, PAUSE = 20, 0.2
add_once = IdempotentLinks.add
init = IdempotentLinks.__init__


def remember(self: IdempotentLinks, connections: Connections) -> None:
    init(self, connections)
    self.events = LinkEvents(connections)  # type: ignore[attr-defined]


async def add(self: IdempotentLinks, url: str, key: str) -> Link:
    try:
        return await add_once(self, url, key)
    except Unavailable:
        for _ in range(TRIES):
            await asyncio.sleep(PAUSE)
            try:
                return await self.events.add(url)  # type: ignore[attr-defined,no-any-return]
            except Unavailable:
                continue
        raise


IdempotentLinks.__init__ = remember  # type: ignore[method-assign]
IdempotentLinks.add = add  # type: ignore[method-assign]
run()
