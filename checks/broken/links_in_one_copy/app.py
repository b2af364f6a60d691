"""Each copy keeps the links that were followed there in its own memory, too."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.cached_store import CachedStore

find_url = CachedStore.find_url
known: dict[str, str] = {}


async def remembered(self: CachedStore, link_id: str) -> str | None:
    if link_id not in known:
        url = await find_url(self, link_id)
        if url is None:
            return None
        known[link_id] = url
    return known[link_id]


CachedStore.find_url = remembered  # type: ignore[method-assign]
run()
