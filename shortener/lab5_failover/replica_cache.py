"""The cache filled from replicas without going back in time. Lab 5.

The hole: a link is changed, the cache forgets it, and the next reader fills it anew from a replica that has not heard
of the change yet. Then the old url is back for a minute, and no session token helps: nobody asks the database any more.
So whoever fills the cache asks the leader, once its lease lies there, how far the log has come, and reads from a
replica that has come as far. A change that was told before the lease is in by then; one that comes later takes the
lease away, and the fill is refused (lab 3). Each entry carries its place in the log: who sees it has seen that much."""

import contextlib
import random

from prometheus_client import CollectorRegistry

from shortener.lab1_file.links import Link
from shortener.lab3_cache_and_events.cache import CacheAway, CacheCalls
from shortener.lab3_cache_and_events.cached_store import JITTER, TTL, UNKNOWN, UNKNOWN_TTL, CachedStore
from shortener.lab3_cache_and_events.keys import LINK
from shortener.lab5_failover.position import Position, parsed
from shortener.lab5_failover.replica_store import ReplicaStore
from shortener.lab5_failover.server_connection import Reading
from shortener.lab5_failover.session import current


class ReplicaCache(CachedStore):
    def __init__(self, links: ReplicaStore, cache: CacheCalls, metrics: CollectorRegistry) -> None:
        super().__init__(_Stamped(links), cache, metrics)
        self._links = links

    async def find_url(self, link_id: str) -> str | None:
        seen, url = unstamped(await super().find_url(link_id))
        current().saw(seen)
        return url

    async def _read_and_fill(self, link_id: str, lease: str) -> str | None:
        """In place of lab 3's. When nobody knows what would be new enough, each who waits reads for itself, as new as
        its own session needs it, and the cache stays as it is."""
        value, milliseconds = lease, 1  # a read that fails gives the lease back
        try:
            found = await self._links.find_newest_url(link_id)
            value = stamped(found)
            milliseconds = UNKNOWN_TTL if found.value is None else _time_to_live()
            return value
        finally:
            with contextlib.suppress(CacheAway):
                await self._cache.call("SET", LINK + link_id, value, "IFEQ", lease, "PX", milliseconds)


class _Stamped:
    """A store for lab 3's cache, whose urls carry the place in the log that they were read at."""

    def __init__(self, links: ReplicaStore) -> None:
        self._links = links

    async def add(self, url: str) -> Link:
        return await self._links.add(url)

    async def find_url(self, link_id: str) -> str | None:
        return stamped(await self._links.find_url_at(link_id))


def stamped(found: Reading[str | None]) -> str:
    return f"{found.seen.token} {found.value or UNKNOWN}"


def unstamped(entry: str | None) -> tuple[Position | None, str | None]:
    """Lab 4's entries, which may still lie there, have no place and are a url or nothing; a url has no blanks."""
    token, _, url = (entry or UNKNOWN).rpartition(" ")
    return parsed(token), None if url == UNKNOWN else url


def _time_to_live() -> int:
    return round(TTL * random.uniform(1 - JITTER, 1 + JITTER))
