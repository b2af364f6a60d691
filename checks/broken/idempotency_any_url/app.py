"""Looks at the key alone: what was asked for with it before does not matter."""

from checks.broken.spoil import run
from shortener.lab1_file.links import Link, new_id
from shortener.lab3_cache_and_events.idempotency import ADD_ONCE, IdempotentLinks


async def add(self: IdempotentLinks, url: str, key: str) -> Link:
    rows = await self._fetch(ADD_ONCE, {"key": key, "url": url, "id": new_id()})
    return Link(*rows[0])


IdempotentLinks.add = add  # type: ignore[method-assign]
run()
