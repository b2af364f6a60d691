"""Redis within bounds: a call is answered soon or not at all, and while Redis is away nobody waits for it. Lab 3."""

import asyncio
import logging
from typing import Any, Protocol

import hiredis

from shortener.lab1_file.batches import Batches
from shortener.lab1_file.links import Unavailable
from shortener.lab3_cache_and_events.redis_wire import Command, RedisAddress, RedisWire

log = logging.getLogger(__name__)

SECONDS = 0.5  # for one round trip, connecting included; a request that finds one under way may wait for two
COOL_DOWN = 0.5  # seconds between two looks whether Redis is back
FAILURES = (OSError, TimeoutError, hiredis.HiredisError)


class CacheAway(Unavailable):
    """Redis did not answer in time. What it was told may have happened, or may still."""


class CacheCalls(Protocol):
    """What the service asks of a cache. Each call is answered, or raises CacheAway, within moments."""

    async def get(self, key: str) -> str | None: ...

    async def call(self, *command: str | int) -> Any: ...


class Cache:
    """Calls that wait share a round trip: one is under way at a time, for any number of them.

    After a failure each call raises CacheAway at once, until a PING that is sent now and then is answered."""

    def __init__(self, url: str) -> None:
        """Raises ValueError, with a sentence, for a url that is none of Redis. The server may be down."""
        self._address = RedisAddress(url)
        self._wire: RedisWire | None = None
        self._calls = Batches(self._round_trip)
        self._healer: asyncio.Task[None] | None = None

    async def get(self, key: str) -> str | None:
        value: str | None = await self.call("GET", key)
        return value

    async def call(self, *command: str | int) -> Any:
        """The reply to any command, such as `call("SET", "key", "value")`."""
        if self._healer:
            raise CacheAway("the cache is out of reach")
        return await self._calls.put(command)

    def close(self) -> None:
        if self._healer:
            self._healer.cancel()
        self._hang_up()

    async def _round_trip(self, commands: list[Command]) -> list[Any]:
        try:
            return await self._ask(commands)
        except FAILURES as error:
            log.warning("Redis does not answer, and is left alone for a while: %s", str(error) or "it took too long")
            self._healer = asyncio.create_task(self._heal())
            raise CacheAway("the cache is out of reach") from error

    async def _ask(self, commands: list[Command]) -> list[Any]:
        try:
            async with asyncio.timeout(SECONDS):
                if self._wire is None or self._wire.closed:
                    self._wire = await self._address.connect()
                return await self._wire.ask(commands)
        except FAILURES:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._wire:
            self._wire.hang_up()
        self._wire = None

    async def _heal(self) -> None:
        while True:
            await asyncio.sleep(COOL_DOWN)
            try:
                await self._ask([("PING",)])
                break
            except FAILURES:
                continue
        self._healer = None
