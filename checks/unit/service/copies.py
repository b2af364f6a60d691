"""Copies of the service's store, each with its own connections, on one real Postgres and one real Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import redis
from prometheus_client import CollectorRegistry

from shortener.lab1_file.links import Link, Unavailable
from shortener.lab2_postgres.connections import Connections
from shortener.lab2_postgres.postgres_store import PostgresStore
from shortener.lab3_cache_and_events.cache import Cache, CacheCalls
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.keys import LINK
from shortener.lab3_cache_and_events.link_events import LinkEvents


class ClosableCache(CacheCalls, Protocol):
    def close(self) -> None: ...


CacheOf = Callable[[str, CollectorRegistry], ClosableCache]


def cache_of(url: str, _: CollectorRegistry) -> ClosableCache:
    """Lab 3's cache, unless a test puts another in its place."""
    return Cache(url)


class Held:
    """A store whose reads are counted, and whose answers can be held up once the database has given them."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self.reads: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.down = False

    async def add(self, url: str) -> Link:
        return await self._store.add(url)

    async def find_url(self, link_id: str) -> str | None:
        self.reads.append(link_id)
        if self.down:
            raise Unavailable("the database is down")
        url = await self._store.find_url(link_id)
        await self.answers.wait()
        return url


@dataclass
class Copy:
    held: Held
    cache: ClosableCache
    cached: CachedStore
    links: LinkEvents
    metrics: CollectorRegistry = field(repr=False)

    def count(self, outcome: str) -> float:
        return self.metrics.get_sample_value("cache_lookups_total", {"outcome": outcome}) or 0

    async def change(self, link_id: str, url: str) -> None:
        async with self.cached.changing(link_id):
            assert await self.links.change(link_id, url)

    async def remove(self, link_id: str) -> None:
        async with self.cached.changing(link_id):
            assert await self.links.remove(link_id)


@contextlib.asynccontextmanager
async def copy(database_url: str, redis_url: str, cache_of: CacheOf = lambda url, _: Cache(url)) -> AsyncIterator[Copy]:
    connections, metrics = Connections(database_url), CollectorRegistry()
    held, cache = Held(PostgresStore(connections)), cache_of(redis_url, metrics)
    try:
        yield Copy(held, cache, CachedStore(held, cache, metrics), LinkEvents(connections), metrics)
    finally:
        cache.close()
        await connections.close()


class Seen:
    """What lies in Redis, looked at from beside."""

    def __init__(self, redis_url: str) -> None:
        self.client: redis.Redis = redis.Redis.from_url(redis_url, decode_responses=True)

    def value(self, link_id: str) -> str | None:
        value: str | None = self.client.get(LINK + link_id)  # type: ignore[assignment]  # it decodes
        return value

    def milliseconds(self, link_id: str) -> int:
        left: int = self.client.pttl(LINK + link_id)
        return left


@contextlib.contextmanager
def looked_at(redis_url: str) -> Iterator[Seen]:
    seen = Seen(redis_url)
    try:
        yield seen
    finally:
        seen.client.close()
