"""The limit on POST /links: exact over copies on a real Redis, told in headers, and decided where Redis cannot tell."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import redis
from prometheus_client import CollectorRegistry, Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from checks.unit.service.running import run
from checks.unit.service.wire import Wire
from shortener.lab1_file.links import Unavailable
from shortener.lab3_cache_and_events.cache import CacheAway
from shortener.lab4_many_copies.bounds import BOUNDS, Bounds
from shortener.lab4_many_copies.rate_limit import Limit, RateLimit, client_address
from shortener.lab4_many_copies.resilient_cache import ResilientCache
from shortener.lab4_many_copies.token_buckets import BUCKET, TokenBuckets

PATIENT = replace(BOUNDS, try_seconds=5.0)
NOWHERE = "redis://:lab@127.0.0.1:1/0"


@contextlib.asynccontextmanager
async def buckets(
    url: str, rate: int, burst: int, bounds: Bounds = PATIENT, metrics: CollectorRegistry | None = None
) -> AsyncIterator[TokenBuckets]:
    """As one copy of the service has them."""
    cache = ResilientCache(url, metrics or CollectorRegistry(), bounds)
    try:
        yield TokenBuckets(cache, rate, burst, bounds.limit_calls)
    finally:
        cache.close()


def server_time(client: redis.Redis) -> float:
    seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1e6


@pytest.mark.parametrize(("copies", "rate", "burst"), [(1, 500, 500), (3, 500, 500), (3, 37, 53), (6, 300, 900)])
def test_the_rate_is_exact_over_all_copies(redis_url: str, copies: int, rate: int, burst: int) -> None:
    """A full bucket grants what it holds. From then on, under a flood from several copies at once, what was granted is
    what the bucket gained, to a token.

    Each bucket takes more than a second to fill: so a pause of this machine makes none run over."""

    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            each = [await stack.enter_async_context(buckets(redis_url, rate, burst)) for _ in range(copies)]
            beside = stack.enter_context(redis.Redis.from_url(redis_url))

            async def emptied() -> tuple[int, float]:
                """The tokens that it held, and when it held none."""
                tokens = 0
                while (await each[0].take("192.0.2.1")).granted:
                    tokens += 1
                return tokens, server_time(beside)

            async def flood(copy: TokenBuckets) -> int:
                granted = 0
                while time.monotonic() < end:
                    granted += (await copy.take("192.0.2.1")).granted
                return granted

            before = server_time(beside)
            held, start = await emptied()
            assert burst <= held <= burst + rate * (start - before) + 1
            end = time.monotonic() + 3
            granted = sum(await asyncio.gather(*[flood(copy) for copy in each for _ in range(4)]))
            left, now = await emptied()  # whatever a pause of this machine has left over
            gained = rate * (now - start)
            assert 0.99 * gained - 1 <= granted + left <= gained + 1

    run(scenario)


def test_each_client_has_a_bucket_that_expires(redis_url: str) -> None:
    async def scenario() -> None:
        async with buckets(redis_url, 10, 2) as copy:
            with redis.Redis.from_url(redis_url) as beside:
                taken = [await copy.take("a") for _ in range(3)]
                assert [each.granted for each in taken[:2]] == [True, True]
                assert (await copy.take("b")).granted
                assert 0 < beside.pttl(BUCKET + "a") <= 201
                assert 0 < beside.pttl(BUCKET + "b") <= 101

    run(scenario)


def test_what_is_left_and_when_there_is_more(redis_url: str) -> None:
    async def scenario() -> None:
        async with buckets(redis_url, 1, 3) as copy:  # so slow that no token comes back while it runs, or one at most
            taken = [await copy.take("a") for _ in range(4)]
            assert [each.left for each in taken] == [2, 1, 0, 0]
            assert [each.granted for each in taken] == [True, True, True, False]
            assert {each.seconds for each in taken} == {1}

    run(scenario)


def test_a_request_that_is_refused_takes_nothing(redis_url: str) -> None:
    async def scenario() -> None:
        async with buckets(redis_url, 5, 1) as copy:
            assert (await copy.take("a")).granted
            end = time.monotonic() + 5
            refused = 0
            while not (await copy.take("a")).granted:
                refused += 1
                assert time.monotonic() < end
            assert refused > 0

    run(scenario)


def test_a_clock_that_goes_back_takes_nothing_away(redis_url: str) -> None:
    async def scenario() -> None:
        async with buckets(redis_url, 1, 5) as copy:
            with redis.Redis.from_url(redis_url) as beside:
                future = f"{(server_time(beside) + 3600) * 1e6:.0f}"
                beside.hset(BUCKET + "a", mapping={"tokens": "4", "at": future})
                assert [(await copy.take("a")).left for _ in range(2)] == [3, 2]

    run(scenario)


def test_the_script_is_sent_again_only_when_redis_has_lost_it(redis_url: str) -> None:
    async def scenario() -> None:
        async with buckets(redis_url, 100, 100) as copy:
            with redis.Redis.from_url(redis_url, decode_responses=True) as beside:
                beside.script_flush()  # as a restart does
                for _ in range(10):
                    assert (await copy.take("a")).granted
                calls: Any = beside.info("commandstats")
                beside.config_resetstat()
                for _ in range(10):
                    assert (await copy.take("a")).granted
                calls = beside.info("commandstats")
                assert calls["cmdstat_evalsha"]["calls"] == 10  # one round trip each
                assert "cmdstat_eval" not in calls
                beside.config_resetstat()
                beside.script_flush()
                assert [(await copy.take("a")).granted for _ in range(3)] == [True] * 3
                calls = beside.info("commandstats")
                assert calls["cmdstat_eval"]["calls"] == 1

    run(scenario)


class Api:
    """In place of the API: makes a link."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def answer(app: ASGIApp, *headers: tuple[bytes, bytes]) -> tuple[int, dict[str, str], bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("the limit reads no body")

    await app({"type": "http", "method": "POST", "headers": list(headers), "client": ("192.0.2.9", 1)}, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


def limited(copy: TokenBuckets, limit: Limit, api: ASGIApp, metrics: CollectorRegistry) -> RateLimit:
    return RateLimit(api, limit, copy, Counter("requests_shed", "", registry=metrics), metrics)


def test_the_answers_tell_of_the_limit_as_the_draft_wants_it(redis_url: str) -> None:
    async def scenario() -> None:
        limit, api, metrics = Limit(1, 2, False), Api(), CollectorRegistry()
        async with buckets(redis_url, limit.rate, limit.burst) as copy:
            app = limited(copy, limit, api, metrics)
            answers = [await answer(app) for _ in range(3)]
            assert [status for status, _, _ in answers] == [201, 201, 429]
            assert api.asked == 2
            for _, headers, _ in answers:
                assert headers["ratelimit-policy"] == '"links";q=2;w=2'
            assert [headers["ratelimit"] for _, headers, _ in answers] == [
                '"links";r=1;t=1',
                '"links";r=0;t=1',
                '"links";r=0;t=1',
            ]
            _, headers, body = answers[2]
            assert headers["retry-after"] == "1"
            assert headers["content-type"] == "application/problem+json"
            problem = json.loads(body)
            assert problem["status"] == 429
            assert problem["type"].endswith("#quota-exceeded")
            assert problem["violated-policies"] == ["links"]
            assert problem["detail"]
            assert metrics.get_sample_value("rate_limited_total") == 1

    run(scenario)


@pytest.mark.parametrize("fault", ["gone", "hung"])
def test_without_redis_it_is_as_decided(redis_url: str, fault: str) -> None:
    async def scenario() -> None:
        wire = Wire(redis_url)
        async with wire.open() as url:
            wire.flows.clear()
            address = NOWHERE if fault == "gone" else url
            for refuse in (False, True):
                limit, api, metrics = Limit(1, 1, refuse), Api(), CollectorRegistry()
                async with buckets(address, 1, 1, BOUNDS) as copy:
                    app = limited(copy, limit, api, metrics)
                    for _ in range(8):
                        start = time.monotonic()
                        if refuse:
                            with pytest.raises(Unavailable, match="Redis does not answer"):
                                await answer(app)
                        else:
                            status, headers, _ = await answer(app)
                            assert status == 201
                            assert "ratelimit" not in headers
                            assert headers["ratelimit-policy"] == '"links";q=1;w=1'
                        assert time.monotonic() - start < 2 * BOUNDS.try_seconds + 1
                    assert api.asked == (0 if refuse else 8)
                    assert metrics.get_sample_value("rate_limit_undecided_total") == 8

    run(scenario)


def test_a_flood_that_fills_the_bulkhead_is_not_let_through(redis_url: str) -> None:
    """Redis is well, only busy: whoever finds no place is refused, also where it would be let through without Redis."""

    async def scenario() -> None:
        api, metrics = Api(), CollectorRegistry()
        async with buckets(redis_url, 1, 1, replace(PATIENT, limit_calls=4)) as copy:
            app = limited(copy, Limit(1, 1, False), api, metrics)
            done = await asyncio.gather(*[answer(app) for _ in range(50)], return_exceptions=True)
            shed = [each for each in done if isinstance(each, Unavailable)]
            assert len(shed) == 46
            assert not any(isinstance(each, CacheAway) for each in shed)
            assert api.asked == 1
            assert metrics.get_sample_value("requests_shed_total") == 46

    run(scenario)


PEER = ("198.51.100.7", 4711)


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ([], "198.51.100.7"),
        (["192.0.2.1"], "192.0.2.1"),
        (["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
        (["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
        (["2001:DB8::0001"], "2001:db8::1"),
        ([""], "198.51.100.7"),
        (["192.0.2.1, "], "198.51.100.7"),
        (["nonsense"], "198.51.100.7"),
        (["x" * 60_000], "198.51.100.7"),
        (["\xff\xfe"], "198.51.100.7"),
    ],
)
def test_the_client_is_whom_the_balancer_saw(forwarded: list[str], expected: str) -> None:
    headers = [(b"host", b"a"), *[(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]]
    assert client_address({"headers": headers, "client": PEER}) == expected
    assert client_address({"headers": [], "client": None}) == "unknown"


@pytest.mark.parametrize(
    ("variables", "policy", "refuse"),
    [
        ({}, '"links";q=100;w=2', False),
        ({"RATE_LIMIT": "", "RATE_BURST": "", "RATE_LIMIT_WITHOUT_REDIS": ""}, '"links";q=100;w=2', False),
        ({"RATE_LIMIT": "3", "RATE_BURST": "10", "RATE_LIMIT_WITHOUT_REDIS": "refuse"}, '"links";q=10;w=4', True),
        ({"RATE_LIMIT": "1000000", "RATE_LIMIT_WITHOUT_REDIS": "allow"}, '"links";q=100;w=1', False),
    ],
)
def test_the_limit_comes_from_the_environment(variables: Mapping[str, str], policy: str, refuse: bool) -> None:
    limit = Limit.of(variables)
    assert (limit.policy, limit.refuse_without_redis) == (policy, refuse)
    assert re.fullmatch(r'"[a-z]+";q=[1-9]\d*;w=[1-9]\d*', limit.policy)


@pytest.mark.parametrize("name", ["RATE_LIMIT", "RATE_BURST"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "1000001", "9" * 5_000, "٣", " 1"])
def test_a_bad_number_is_told_in_a_sentence(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is .*: set it to a whole number from 1 to 1,000,000.$"):
        Limit.of({name: value})


def test_a_decision_that_is_none_is_told_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"^RATE_LIMIT_WITHOUT_REDIS is 'maybe': set it to allow or refuse.$"):
        Limit.of({"RATE_LIMIT_WITHOUT_REDIS": "maybe"})
