"""Redis, and what keeps the service answering whatever Redis does. In place of lab 3's Cache. Lab 4.

From the outside in: the bulkhead bounds who waits, the retries (under their budget) try again what may be repeated,
the breaker asks nothing while Redis is away, and the timeout bounds each round trip. Whoever is turned away gets
CacheAway, and asks the database, as in lab 3."""

import asyncio
import contextlib
import logging
from typing import Any

from hiredis import ReplyError
from prometheus_client import CollectorRegistry, Counter, Gauge

from shortener.lab1_file.batches import Batches
from shortener.lab3_cache_and_events.cache import FAILURES, CacheAway
from shortener.lab3_cache_and_events.redis_wire import Command, RedisAddress, RedisWire
from shortener.lab4_many_copies.bounds import Bounds
from shortener.lab4_many_copies.breaker import Breaker, State
from shortener.lab4_many_copies.bulkhead import Bulkhead
from shortener.lab4_many_copies.retry import full_jitter, meaning, repeated
from shortener.lab4_many_copies.retry_budget import RetryBudget

log = logging.getLogger(__name__)

SAID = {State.OPEN: "Redis does not answer, and is left alone for a while", State.CLOSED: "Redis answers again"}


class Unanswered(CacheAway):
    """Redis was asked and did not answer in time. What it was told may have happened, or may still."""


class Refused(CacheAway):
    """Redis answered with an error, which is the message."""


class ResilientCache:
    def __init__(self, url: str, metrics: CollectorRegistry, bounds: Bounds) -> None:
        """Raises ValueError, with a sentence, for a url that is none of Redis. The server may be down."""
        self._address, self._bounds = RedisAddress(url), bounds
        self._wire: RedisWire | None = None
        self._calls = Batches(self._round_trip)
        rejected = Counter("cache_calls_rejected", "Calls that Redis was spared.", ("why",), registry=metrics)
        self._by_breaker, self._by_budget = rejected.labels("breaker"), rejected.labels("budget")
        self._by_bulkhead = rejected.labels("bulkhead")
        self._retries = Counter("cache_retries", "Calls that were tried again.", registry=metrics)
        self._state = Gauge("cache_breaker_state", "Closed 0, half-open 1, open 2.", registry=metrics)
        self._transitions = Counter("cache_breaker_transitions", "By new state.", ("to",), registry=metrics)
        for state in State:
            self._transitions.labels(state.name.lower())
        self._breaker = Breaker(bounds.breaker_failures, bounds.breaker_window, bounds.open_seconds, self._changed)
        self._budget = RetryBudget(bounds.retry_tokens, bounds.retry_ratio)
        self._lookups = self.compartment(bounds.lookups)
        self._said = State.CLOSED

    def compartment(self, places: int) -> Bulkhead:
        """For calls of another kind: those of one kind shall not take the places of the others."""
        return Bulkhead(places, self._by_bulkhead)

    async def get(self, key: str) -> str | None:
        value: str | None = await self.call("GET", key)
        return value

    async def call(self, *command: str | int) -> Any:
        """The reply to any command, such as `call("SET", "key", "value")`, tried again where it may be repeated."""
        with self._lookups:
            try:
                return await self._ask(command)
            except Unanswered:
                again = repeated(command)
                if again is None:
                    raise
            return meaning(command, again, await self._retry(again))

    async def call_once(self, *command: str | int) -> Any:
        """For what must not happen twice, in a compartment that the caller has taken a place in."""
        return await self._ask(command)

    def close(self) -> None:
        if self._wire:
            self._wire.hang_up()
        self._wire = None

    async def _ask(self, command: Command) -> Any:
        if not self._breaker.allows():
            self._by_breaker.inc()
            raise CacheAway("the cache is out of reach")
        reply = await self._calls.put(command)
        if isinstance(reply, ReplyError):
            raise Refused(str(reply))
        return reply

    async def _retry(self, command: Command) -> Any:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._bounds.retry_seconds):
                for retry in range(self._bounds.tries - 1):
                    self._budget.failed()
                    if not self._budget.allows():
                        self._by_budget.inc()
                        break
                    first, most = self._bounds.backoff_seconds, self._bounds.backoff_most_seconds
                    await asyncio.sleep(full_jitter(retry, first, most))
                    if self._breaker.state is State.OPEN:
                        break
                    self._retries.inc()
                    with contextlib.suppress(Unanswered):
                        return await self._ask(command)
        raise Unanswered("the cache did not answer in time")

    async def _round_trip(self, commands: list[Command]) -> list[Any]:
        """One at a time; a command that Redis refuses is answered with the ReplyError."""
        try:
            replies = await self._exchange(commands)
        except FAILURES as error:
            self.close()
            self._breaker.failed()
            raise Unanswered(str(error) or "it took too long") from error
        self._breaker.succeeded()
        self._budget.succeeded(len(commands))
        return replies

    async def _exchange(self, commands: list[Command]) -> list[Any]:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._bounds.try_seconds
        if self._wire is None or self._wire.closed:
            async with asyncio.timeout_at(end):
                self._wire = await self._address.connect()
        self._timer = loop.call_at(end, self._give_up, self._wire, end)
        try:
            return await self._wire.exchange(commands)
        finally:
            self._timer.cancel()

    def _give_up(self, wire: RedisWire, end: float) -> None:
        """End the connection, and so the wait. A timer that rings late tells that this process was held up, not Redis:
        then the answer may lie here unread, and there is a moment to read it."""
        loop = asyncio.get_running_loop()
        if loop.time() - end > self._bounds.held_up_seconds:
            self._timer = loop.call_later(self._bounds.held_up_seconds, wire.hang_up)
        else:
            wire.hang_up()

    def _changed(self, state: State) -> None:
        self._state.set(state)
        self._transitions.labels(state.name.lower()).inc()
        if state in SAID and state is not self._said:  # once, however often it is looked whether Redis is back
            self._said = state
            log.warning(SAID[state])
