"""On a miss everybody asks the database and fills the cache."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.keys import LINK


async def find_url(self: CachedStore, link_id: str) -> str | None:
    found = await self._cache.get(LINK + link_id)
    if found is None:
        link = await self._store.find(link_id)  # type: ignore[attr-defined]
        found = link.url if link else "-"
        await self._cache.call("SET", LINK + link_id, found, "PX", 60_000)
    return None if found == "-" else found


CachedStore.find_url = find_url  # type: ignore[method-assign]
run()
