"""Waits for Redis as long as it takes."""

from typing import Any

from redis.asyncio import Redis

from checks.broken.spoil import run
from shortener.lab3_cache_and_events import cache

from_url = Redis.from_url


def patient(url: str, **settings: Any) -> Redis:
    return from_url(url, **(settings | {"socket_timeout": None, "socket_connect_timeout": None}))


cache.SECONDS = 3600.0
Redis.from_url = patient  # type: ignore[method-assign,assignment]
run()
