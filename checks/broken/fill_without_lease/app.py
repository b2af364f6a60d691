"""Fills the cache with whatever was read, however long ago; a change only deletes the key."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.keys import LINK


async def read_and_fill(self: CachedStore, link_id: str, lease: str) -> str | None:
    url = await self._store.find_url(link_id)
    await self._cache.call("SET", LINK + link_id, "-" if url is None else url, "PX", 60_000)
    return url


CachedStore._read_and_fill = read_and_fill  # type: ignore[method-assign]
run()
