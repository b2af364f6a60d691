"""Redis within bounds: a call is answered soon or not at all, and while Redis is away nobody waits for it. Lab 3."""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shortener.lab1_file.batches import Batches
from shortener.lab1_file.links import Unavailable

SECONDS = 0.5  # for one round trip, connecting included; a request that finds one under way may wait for two
COOL_DOWN = 1.0  # seconds between two looks whether Redis is back

Command = tuple[str | int, ...]


class CacheAway(Unavailable):
    """Redis did not answer in time. What it was told may have happened, or may still."""


class Cache:
    """Calls that wait share a round trip: one is under way at a time for reads, and one for all other commands.

    After a failure each call raises CacheAway at once, until a PING that is sent now and then is answered."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for a url that is none of Redis. The server may be down."""
        try:
            # One retry: a connection that has ended since it was used last says nothing about the server.
            self._redis = Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 1))
        except ValueError:  # which may show a part of the password
            raise ValueError("REDIS_URL is no address of a Redis, such as redis://:password@host:6379/0") from None
        self._reads = Batches(self._read)
        self._calls = Batches(self._call)
        self._healer: asyncio.Task[None] | None = None

    async def get(self, key: str) -> str | None:
        value: str | None = await self._wait_for(self._reads, key)
        return value

    async def call(self, *command: str | int) -> Any:
        """The reply to any command, such as `call("SET", "key", "value")`."""
        return await self._wait_for(self._calls, command)

    async def close(self) -> None:
        if self._healer:
            self._healer.cancel()
        await self._redis.aclose()

    async def _wait_for(self, batches: Batches[Any, Any], item: str | Command) -> Any:
        if self._healer:
            raise CacheAway("the cache is out of reach")
        return await batches.put(item)

    async def _read(self, keys: list[str]) -> Sequence[Any]:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._redis.mget(keys)
        except (RedisError, OSError, TimeoutError) as error:
            raise self._gone() from error

    async def _call(self, commands: list[Command]) -> Sequence[Any]:
        try:
            async with asyncio.timeout(SECONDS), self._redis.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                return await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            raise self._gone() from error

    def _gone(self) -> CacheAway:
        self._healer = self._healer or asyncio.create_task(self._heal())
        return CacheAway("the cache is out of reach")

    async def _heal(self) -> None:
        while True:
            await asyncio.sleep(COOL_DOWN)
            try:
                async with asyncio.timeout(SECONDS):
                    await self._redis.ping()
                break
            except (RedisError, OSError, TimeoutError):
                continue
        self._healer = None
