"""Looks the key up, makes the link, then writes the key down: nothing holds the key in between."""

from checks.broken.spoil import run
from shortener.lab1_file.links import Link
from shortener.lab3_cache_and_events.idempotency import IdempotentLinks
from shortener.lab3_cache_and_events.link_events import LinkEvents

FIND = "SELECT link_id, url, created_at FROM idempotency_keys WHERE key = %s"
KEEP = (
    "INSERT INTO idempotency_keys (key, url, link_id, created_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
    " RETURNING key"
)


async def add(self: IdempotentLinks, url: str, key: str) -> Link:
    if rows := await self._fetch(FIND, (key,)):
        return Link(*rows[0])
    link = await LinkEvents.add(self, url)  # type: ignore[arg-type]
    await self._fetch(KEEP, (key, url, link.id, link.created_at))
    return link


IdempotentLinks.add = add  # type: ignore[method-assign]
run()
