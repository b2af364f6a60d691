"""Each copy knows the keys that it has seen itself."""

import asyncio

from checks.broken.spoil import run
from shortener.lab1_file.links import Link
from shortener.lab3_cache_and_events.idempotency import IdempotentLinks
from shortener.lab3_cache_and_events.link_events import LinkEvents

known: dict[str, asyncio.Task[Link]] = {}


async def add(self: IdempotentLinks, url: str, key: str) -> Link:
    if key not in known:
        known[key] = asyncio.create_task(LinkEvents.add(self, url))  # type: ignore[arg-type]
    return await asyncio.shield(known[key])


IdempotentLinks.add = add  # type: ignore[method-assign]
run()
