"""Keeps the links in Redis alone: quick, and in no backup."""

import os
from datetime import UTC, datetime

from redis.asyncio import Redis

from checks.broken.spoil import run
from shortener.lab1_file.links import Link, new_id
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.link_events import CountedLink, LinkEvents

KEPT = "kept:"
redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
find_url = CachedStore.find_url


async def add(self: LinkEvents, url: str) -> Link:
    link = Link(new_id(), url, datetime.now(UTC))
    await redis.set(KEPT + link.id, url)
    return link


async def change(self: LinkEvents, link_id: str, url: str) -> CountedLink:
    await redis.set(KEPT + link_id, url)
    return CountedLink(Link(link_id, url, datetime.now(UTC)), 0)


async def remove(self: LinkEvents, link_id: str) -> bool:
    return bool(await redis.delete(KEPT + link_id))


async def find(self: CachedStore, link_id: str) -> str | None:
    url = await redis.get(KEPT + link_id)
    return str(url) if url else await find_url(self, link_id)


LinkEvents.add = add  # type: ignore[method-assign]
LinkEvents.change = change  # type: ignore[method-assign]
LinkEvents.remove = remove  # type: ignore[method-assign]
CachedStore.find_url = find  # type: ignore[method-assign]
run()
