"""A link store around another: what Redis knows is not asked of the database, and nothing stale stays there. Lab 3.

Under a link's key lies its url, or one of the marks below. A reader that finds nothing takes a *lease*: it alone, over
all copies of the service, asks the database, and it fills the key only if its lease still lies there. A change lays
down its own mark first, commits, and then deletes the key: so what was read before the commit is refused as a fill.
The idea of the lease: Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1."""

import asyncio
import contextlib
import itertools
import random
import secrets
from collections.abc import AsyncIterator
from typing import TypeGuard

from prometheus_client import CollectorRegistry, Counter

from shortener.lab1_file.links import Link, LinkStore, Unavailable
from shortener.lab3_cache_and_events.cache import CacheAway, CacheCalls
from shortener.lab3_cache_and_events.keys import LINK

UNKNOWN, LEASE, CHANGING = "-", "?", "!"  # no url begins like this; a token follows the lease's
TTL = 60_000  # milliseconds, as those below
JITTER = 0.1  # more or less than TTL by up to that share: links that were cached together shall not expire together
UNKNOWN_TTL = 5_000
LEASE_TTL = 3_000  # longer than a query may take
CHANGING_TTL = 5_000  # and longer than a change may
PATIENCE = 1.0  # seconds to wait for another copy's lease
PAUSES = (0.005, 0.01, 0.02, 0.04)  # seconds between two looks at it
SECONDS = 3.0  # for all that follows when the cache does not know


class CachedStore:
    def __init__(self, store: LinkStore, cache: CacheCalls, metrics: CollectorRegistry) -> None:
        self._store, self._cache = store, cache
        lookups = Counter("cache_lookups", "Redirects that asked the cache.", ("outcome",), registry=metrics)
        self._hits, self._misses, self._errors = (lookups.labels(outcome) for outcome in ("hit", "miss", "error"))
        self._flights: dict[str, asyncio.Task[str | None]] = {}  # this copy's reads of the database, by lease

    async def add(self, url: str) -> Link:
        return await self._store.add(url)

    async def find_url(self, link_id: str) -> str | None:
        try:
            found = await self._cache.get(LINK + link_id)
            if _is_known(found):
                self._hits.inc()
                return _url(found)
            self._misses.inc()
            search = self._find_missing(link_id, found)
        except CacheAway:
            self._errors.inc()
            search = self._store.find_url(link_id)
        try:
            async with asyncio.timeout(SECONDS):
                return await search
        except TimeoutError:
            raise Unavailable("the link could not be looked up in time") from None

    @contextlib.asynccontextmanager
    async def changing(self, link_id: str) -> AsyncIterator[None]:
        """Around a change of the link in the database. Raises CacheAway before it when no copy could be told of it.

        When the change raises, it may still happen: then the mark stays, and the database is asked until it expires."""
        await self._cache.call("SET", LINK + link_id, CHANGING, "PX", CHANGING_TTL)
        yield
        with contextlib.suppress(CacheAway):
            await self._cache.call("DEL", LINK + link_id)

    async def _find_missing(self, link_id: str, found: str | None) -> str | None:
        """`found` is what lay under the key: nothing, a lease or a change."""
        with contextlib.suppress(CacheAway):
            if found is None:
                lease = LEASE + secrets.token_hex(4)
                if await self._cache.call("SET", LINK + link_id, lease, "NX", "PX", LEASE_TTL):
                    return await asyncio.shield(self._start(link_id, lease))
                found = await self._cache.get(LINK + link_id)  # somebody was quicker
            # A lease that still lay there after this request came: no change has ended since it was taken.
            if found in self._flights:
                return await asyncio.shield(self._flights[found])
            if found is not None and found.startswith(LEASE):
                found = await self._wait_for_fill(link_id)
            if _is_known(found):
                return _url(found)
        return await self._store.find_url(link_id)

    def _start(self, link_id: str, lease: str) -> asyncio.Task[str | None]:
        flight = self._flights[lease] = asyncio.create_task(self._read_and_fill(link_id, lease))
        flight.add_done_callback(lambda _: self._flights.pop(lease))
        flight.add_done_callback(lambda _: flight.cancelled() or flight.exception())  # if nobody waits for it any more
        return flight

    async def _read_and_fill(self, link_id: str, lease: str) -> str | None:
        value, milliseconds = lease, 1  # a read that fails gives the lease back
        try:
            url = await self._store.find_url(link_id)
            value, milliseconds = (UNKNOWN, UNKNOWN_TTL) if url is None else (url, _ttl())
            return url
        finally:
            with contextlib.suppress(CacheAway):
                # Compare and set in one command, since Valkey 8.1; an older server would need a script.
                await self._cache.call("SET", LINK + link_id, value, "IFEQ", lease, "PX", milliseconds)

    async def _wait_for_fill(self, link_id: str) -> str | None:
        """What lies under the key once no lease does; None when that takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
                    await asyncio.sleep(pause)
                    found = await self._cache.get(LINK + link_id)
                    if found is None or not found.startswith(LEASE):
                        return found
        return None


def _is_known(found: str | None) -> TypeGuard[str]:
    return found is not None and not found.startswith((LEASE, CHANGING))


def _url(found: str) -> str | None:
    return None if found == UNKNOWN else found


def _ttl() -> int:
    return round(TTL * random.uniform(1 - JITTER, 1 + JITTER))
