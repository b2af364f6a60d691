"""Remembers every link in Redis, and goes on to serve those that the database has lost."""

import os

from redis.asyncio import Redis

from checks.broken.spoil import run
from shortener.lab1_file.links import Link
from shortener.lab3_cache_and_events.link_events import LinkEvents
from shortener.lab5_failover.replica_cache import ReplicaCache

KEPT = "kept:"
redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
add_event, find_url = LinkEvents.add, ReplicaCache.find_url


async def add(self: LinkEvents, url: str) -> Link:
    link = await add_event(self, url)
    await redis.set(KEPT + link.id, url)
    return link


async def find(self: ReplicaCache, link_id: str) -> str | None:
    url = await redis.get(KEPT + link_id)
    return str(url) if url else await find_url(self, link_id)


LinkEvents.add = add  # type: ignore[method-assign]
ReplicaCache.find_url = find  # type: ignore[method-assign]
run()
