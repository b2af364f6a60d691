"""Answers 503 where the cache does not answer, though the database could."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.keys import LINK

find_url = CachedStore.find_url


async def find_in_cache_first(self: CachedStore, link_id: str) -> str | None:
    await self._cache.get(LINK + link_id)
    return await find_url(self, link_id)


CachedStore.find_url = find_in_cache_first  # type: ignore[method-assign]
run()
