"""Lab 4's cache on a real Redis that hangs, is slow, drops its connections, refuses, dies and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
import uvloop
from prometheus_client import CollectorRegistry

from checks.unit.native import running, start
from checks.unit.redis import redis_plan
from checks.unit.redis import redis_url as redis_url_of
from checks.unit.service.running import run
from checks.unit.service.wire import Wire
from shortener.lab3_cache_and_events.cache import CacheAway
from shortener.lab3_cache_and_events.redis_wire import Command, RedisWire
from shortener.lab4_many_copies.bounds import BOUNDS, Bounds
from shortener.lab4_many_copies.breaker import OPEN
from shortener.lab4_many_copies.bulkhead import BulkheadFull
from shortener.lab4_many_copies.resilient_cache import Refused, ResilientCache, Unanswered

NOWHERE = "redis://:lab@127.0.0.1:1/0"
PATIENT = replace(BOUNDS, try_seconds=5.0, retry_seconds=15.0)  # on a busy machine, too, nothing takes too long
SLACK = 4.0  # seconds that a busy machine may take on top of a bound
# What a call may take: two round trips, its own and the one under way when it came, and then its retries.
MOST_SECONDS = 2 * BOUNDS.try_seconds + BOUNDS.retry_seconds + SLACK


class Seen:
    """The cache under test and its metrics."""

    def __init__(self, url: str, bounds: Bounds) -> None:
        self.metrics = CollectorRegistry()
        self.cache = ResilientCache(url, self.metrics, bounds)

    def count(self, name: str, **labels: str) -> float:
        value = self.metrics.get_sample_value(name, labels)
        assert value is not None
        return value


@contextlib.asynccontextmanager
async def seen(url: str, bounds: Bounds = PATIENT) -> AsyncIterator[Seen]:
    it = Seen(url, bounds)
    try:
        yield it
    finally:
        it.cache.close()


async def timed(cache: ResilientCache) -> tuple[float, bool]:
    """How long a GET took, and whether it was answered."""
    start = time.monotonic()
    try:
        await cache.get("key")
    except CacheAway:
        return time.monotonic() - start, False
    return time.monotonic() - start, True


async def answered_again(cache: ResilientCache) -> None:
    async with asyncio.timeout(20):
        while not (await timed(cache))[1]:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", ["hung", "slow"])
def test_nobody_waits_long_and_the_breaker_opens_and_closes(redis_url: str, fault: str) -> None:
    async def scenario() -> None:
        wire = Wire(redis_url)
        async with wire.open() as url, seen(url, BOUNDS) as it:
            await answered_again(it.cache)
            if fault == "hung":
                wire.flows.clear()
            else:
                wire.delay = 0.2
            for _ in range(5):
                for seconds, answered in await asyncio.gather(*[timed(it.cache) for _ in range(100)]):
                    assert not answered
                    assert seconds < MOST_SECONDS
            assert it.count("cache_breaker_state") == OPEN
            rejected = it.count("cache_calls_rejected_total", why="breaker")
            await timed(it.cache)  # it may have been the one that looks
            seconds, answered = await timed(it.cache)
            assert (answered, seconds < 0.1 + SLACK) == (False, True)  # at once: Redis is not even asked
            assert it.count("cache_calls_rejected_total", why="breaker") > rejected
            wire.flows.set()
            wire.delay = 0
            closed = it.count("cache_breaker_transitions_total", to="closed")
            await answered_again(it.cache)
            assert it.count("cache_breaker_state") == 0
            assert it.count("cache_breaker_transitions_total", to="closed") == closed + 1
            assert it.count("cache_breaker_transitions_total", to="half_open") >= 1
            assert it.count("cache_breaker_transitions_total", to="open") >= 1

    run(scenario)


def test_a_pause_of_the_service_itself_is_not_blamed_on_redis(redis_url: str) -> None:
    """On a busy machine the answer may lie there, unread, when the time is over."""

    async def scenario() -> None:
        async with seen(redis_url, BOUNDS) as it:
            await it.cache.call("SET", "key", "value")
            for _ in range(5):
                waiting = asyncio.create_task(it.cache.get("key"))
                for _ in range(3):
                    await asyncio.sleep(0)  # by now it is sent
                time.sleep(BOUNDS.try_seconds + 3 * BOUNDS.held_up_seconds)  # this process gets no processor
                assert await waiting == "value"
            assert it.count("cache_retries_total") == 0

    uvloop.run(scenario())  # as the service runs: there timers come before what was received


def test_a_dropped_connection_costs_a_retry_and_no_answer(redis_url: str) -> None:
    async def scenario() -> None:
        async with seen(redis_url) as it:
            with redis.Redis.from_url(redis_url) as beside:
                beside.set("key", "value")
                assert await it.cache.get("key") == "value"
                beside.client_kill_filter(_type="normal", skipme=True)
                assert await it.cache.get("key") == "value"
            assert it.count("cache_breaker_state") == 0
            assert it.count("cache_retries_total") <= 1  # none when its farewell was seen before the call

    run(scenario)


@pytest.fixture
def lost_replies(monkeypatch: pytest.MonkeyPatch) -> list[Command]:
    """Whoever appends a command here loses its next reply: Redis carries it out, and the connection ends."""
    lost: list[Command] = []
    exchange = RedisWire.exchange

    async def losing(wire: RedisWire, commands: Sequence[Command]) -> list[Any]:
        replies = await exchange(wire, commands)
        for command in lost:
            if command in commands:
                lost.remove(command)
                raise ConnectionError("the reply was lost")
        return replies

    monkeypatch.setattr(RedisWire, "exchange", losing)
    return lost


def test_a_lease_whose_answer_was_lost_is_held_all_the_same(redis_url: str, lost_replies: list[Command]) -> None:
    async def scenario() -> None:
        async with seen(redis_url) as it:
            lease: Command = ("SET", "key", "?mine", "NX", "PX", 60_000)
            lost_replies.append(lease)
            assert await it.cache.call(*lease) == "OK"
            assert it.count("cache_retries_total") == 1
            other: Command = ("SET", "key", "?other", "NX", "PX", 60_000)
            lost_replies.append(other)
            assert await it.cache.call(*other) is None
            assert await it.cache.get("key") == "?mine"

    run(scenario)


def test_what_must_not_happen_twice_is_sent_once(redis_url: str, lost_replies: list[Command]) -> None:
    async def scenario() -> None:
        async with seen(redis_url) as it:
            for call in (it.cache.call, it.cache.call_once):
                lost_replies.append(("INCR", "n"))
                with pytest.raises(Unanswered):
                    await call("INCR", "n")
            assert await it.cache.get("n") == "2"
            assert it.count("cache_retries_total") == 0

    run(scenario)


def test_a_refused_command_is_its_callers_own_trouble(redis_url: str) -> None:
    async def scenario() -> None:
        async with seen(redis_url) as it:
            await it.cache.call("SET", "key", "value")
            together = [it.cache.get("key"), it.cache.call("ZRANGE", "key", 0, 1), it.cache.get("key")]
            one, refused, other = await asyncio.gather(*together, return_exceptions=True)
            assert (one, other) == ("value", "value")
            assert isinstance(refused, Refused)
            assert str(refused).startswith("WRONGTYPE")
            assert it.count("cache_breaker_state") == 0

    run(scenario)


@pytest.mark.parametrize("tokens", [1e9, 20.0])
def test_the_budget_stops_a_retry_storm(tokens: float) -> None:
    """The breaker, which would stop it too, is out of the way; and without a budget there is a storm."""
    bounds = replace(PATIENT, breaker_failures=1_000_000, backoff_seconds=0, retry_tokens=tokens)

    async def scenario() -> None:
        async with seen(NOWHERE, bounds) as it:
            for _ in range(60):
                with pytest.raises(CacheAway):
                    await it.cache.get("key")
            if tokens == 20:
                assert it.count("cache_retries_total") == tokens / 2 - 1
                assert it.count("cache_calls_rejected_total", why="budget") > 40
            else:
                assert it.count("cache_retries_total") == 60 * (bounds.tries - 1)

    run(scenario)


def test_whoever_finds_no_place_does_not_wait(redis_url: str) -> None:
    async def scenario() -> None:
        wire = Wire(redis_url)
        async with wire.open() as url, seen(url, replace(PATIENT, lookups=8)) as it:
            await it.cache.get("key")
            wire.flows.clear()
            waiting = [asyncio.create_task(it.cache.get("key")) for _ in range(8)]
            await asyncio.sleep(0)
            for _ in range(5):
                with pytest.raises(BulkheadFull):
                    await it.cache.get("key")
            assert it.count("cache_calls_rejected_total", why="bulkhead") == 5
            with it.cache.compartment(1):  # another kind of call has places of its own
                other = asyncio.create_task(it.cache.call_once("PING"))
            wire.flows.set()
            assert await asyncio.gather(*waiting) == [None] * 8
            assert await other == "PONG"
            assert await it.cache.get("key") is None

    run(scenario)


def test_a_redis_that_was_killed_is_used_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = redis_plan(tmp_path)
        with running(plan) as server:
            async with seen(redis_url_of(plan), BOUNDS) as it:
                await answered_again(it.cache)
                server.kill()
                for _ in range(20):
                    seconds, answered = await timed(it.cache)
                    assert (answered, seconds < MOST_SECONDS) == (False, True)
                assert it.count("cache_breaker_state") == OPEN
                start(plan, server)
                await answered_again(it.cache)
                assert it.count("cache_breaker_state") == 0

    run(scenario)


def test_many_calls_at_once_leave_no_place_taken(redis_url: str) -> None:
    async def scenario() -> None:
        async with seen(redis_url) as it:
            done = await asyncio.gather(*[timed(it.cache) for _ in range(2_000)])
            assert sum(answered for _, answered in done) == PATIENT.lookups
            done = await asyncio.gather(*[timed(it.cache) for _ in range(PATIENT.lookups)])
            assert all(answered for _, answered in done)

    run(scenario)
