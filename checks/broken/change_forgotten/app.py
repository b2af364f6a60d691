"""Changes a link although the cache cannot be told."""

import contextlib
from collections.abc import AsyncIterator

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.cache import CacheAway
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.keys import LINK


@contextlib.asynccontextmanager
async def changing(self: CachedStore, link_id: str) -> AsyncIterator[None]:
    yield
    with contextlib.suppress(CacheAway):
        await self._cache.call("DEL", LINK + link_id)


CachedStore.changing = changing  # type: ignore[method-assign]
run()
