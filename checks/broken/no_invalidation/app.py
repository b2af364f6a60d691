"""Changes a link without a word to the cache."""

import contextlib
from collections.abc import AsyncIterator

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.cached_store import CachedStore


@contextlib.asynccontextmanager
async def changing(self: CachedStore, link_id: str) -> AsyncIterator[None]:
    yield


CachedStore.changing = changing  # type: ignore[method-assign]
run()
