"""Caches what it found, and forgets at once that it found nothing."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.keys import LINK

read_and_fill = CachedStore._read_and_fill


async def fill_with_links_alone(self: CachedStore, link_id: str, lease: str) -> str | None:
    url = await read_and_fill(self, link_id, lease)
    if url is None:
        await self._cache.call("DEL", LINK + link_id)
    return url


CachedStore._read_and_fill = fill_with_links_alone  # type: ignore[method-assign]
run()
