"""Makes the link first and writes its event a little later, by itself."""

import asyncio

from checks.broken.spoil import run
from shortener.lab1_file.links import Link, new_id
from shortener.lab3_cache_and_events.link_events import LinkEvents

MAKE = "INSERT INTO links (id, url) VALUES (%s, %s) RETURNING id, url, created_at"
TELL = "INSERT INTO outbox (link_id, event, url) VALUES (%s, 'created', %s) RETURNING id"
later: set[asyncio.Task[None]] = set()


async def add(self: LinkEvents, url: str) -> Link:
    link = Link(*(await self._fetch(MAKE, (new_id(), url)))[0])

    async def tell() -> None:
        await asyncio.sleep(0.2)
        await self._fetch(TELL, (link.id, url))

    task = asyncio.create_task(tell())
    later.add(task)
    task.add_done_callback(later.discard)
    return link


LinkEvents.add = add  # type: ignore[method-assign]
run()
