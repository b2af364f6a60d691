"""The cached store in two copies on a real Postgres and a real Redis: hits, herds, races, leases, a Redis that goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from checks.unit.service import copies
from checks.unit.service.copies import CacheOf, Copy, Seen, copy, looked_at
from checks.unit.service.running import run
from checks.unit.service.wire import Wire
from shortener.lab1_file.links import Unavailable
from shortener.lab3_cache_and_events import cache, cached_store
from shortener.lab3_cache_and_events.cache import Cache, CacheAway
from shortener.lab3_cache_and_events.cached_store import CHANGING, LEASE, UNKNOWN, UNKNOWN_TTL
from shortener.lab3_cache_and_events.keys import LINK
from shortener.lab3_cache_and_events.redis_wire import Command, RedisWire
from shortener.lab4_many_copies.bounds import BOUNDS
from shortener.lab4_many_copies.resilient_cache import ResilientCache

OLD, NEW = "https://example.com/old", "https://example.com/new"
NOBODY = "0000000"


async def until(holds: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


PATIENT = replace(BOUNDS, try_seconds=5.0)
CACHES: dict[str, CacheOf] = {
    "lab 3": lambda url, _: Cache(url),
    "lab 4": lambda url, metrics: ResilientCache(url, metrics, PATIENT),
    "lab 4, short": lambda url, metrics: ResilientCache(url, metrics, BOUNDS),
}


@pytest.fixture(autouse=True, params=["lab 3", "lab 4"])
def lab(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the store promises with lab 3's cache, it promises with lab 4's."""
    name: str = request.param
    monkeypatch.setattr(copies, "cache_of", CACHES[name])
    return name


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, nothing below runs out of time but what a test lets run out of time."""
    monkeypatch.setattr(cache, "SECONDS", 5)
    for name, value in (("SECONDS", 20), ("PATIENCE", 10), ("LEASE_TTL", 20_000), ("CHANGING_TTL", 20_000)):
        monkeypatch.setattr(cached_store, name, value)


@pytest.fixture
def short(patience: None, lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is not waited for long."""
    if lab == "lab 4":
        monkeypatch.setattr(copies, "cache_of", CACHES["lab 4, short"])
    monkeypatch.setattr(cache, "SECONDS", 0.3)
    monkeypatch.setattr(cache, "COOL_DOWN", 0.3)


@pytest.fixture
def seen(redis_url: str) -> Iterator[Seen]:
    with looked_at(redis_url) as seen:
        yield seen


def test_what_one_copy_has_read_the_other_does_not_ask_for(events_url: str, redis_url: str, seen: Seen) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as one, copy(events_url, redis_url) as other:
            link = await one.links.add(OLD)
            for each in (one, other, one, other):
                assert await each.cached.find_url(link.id) == OLD
            assert (one.held.reads, other.held.reads) == ([link.id], [])
            assert seen.value(link.id) == OLD
            assert [one.count(outcome) for outcome in ("hit", "miss", "error")] == [1, 1, 0]
            assert [other.count(outcome) for outcome in ("hit", "miss", "error")] == [2, 0, 0]

    run(scenario)


def test_an_unknown_id_is_remembered_for_a_moment(events_url: str, redis_url: str, seen: Seen) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as one:
            assert [await one.cached.find_url(NOBODY) for _ in range(3)] == [None] * 3
            assert one.held.reads == [NOBODY]
            assert seen.value(NOBODY) == UNKNOWN
            assert 0 < seen.milliseconds(NOBODY) <= UNKNOWN_TTL

    run(scenario)


def test_links_read_at_once_do_not_expire_at_once(events_url: str, redis_url: str, seen: Seen) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as one:
            links = [await one.links.add(OLD) for _ in range(50)]
            await asyncio.gather(*[one.cached.find_url(link.id) for link in links])
            left = [seen.milliseconds(link.id) for link in links]
            assert 50_000 < min(left) < max(left) <= 66_000
            assert max(left) - min(left) > 5_000

    run(scenario)


def test_an_expired_hot_key_is_one_query_over_all_copies(events_url: str, redis_url: str, seen: Seen) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as one, copy(events_url, redis_url) as other:
            link = await one.links.add(OLD)
            for number in range(1, 11):
                seen.client.delete(LINK + link.id)  # just as when it expires
                gets = [each.cached.find_url(link.id) for each in (one, other) for _ in range(100)]
                assert set(await asyncio.gather(*gets)) == {OLD}
                assert len(one.held.reads) + len(other.held.reads) == number

    run(scenario)


def test_reads_of_many_links_at_once_are_few_round_trips(
    events_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as one:
            links = [await one.links.add(f"{OLD}{number}") for number in range(50)]
            sizes: list[int] = []
            exchange = RedisWire.exchange

            async def noted(wire: RedisWire, commands: Sequence[Command]) -> list[Any]:
                sizes.append(len([command for command in commands if command[0] == "GET"]))
                return await exchange(wire, commands)

            monkeypatch.setattr(RedisWire, "exchange", noted)
            for _ in range(2):
                urls = await asyncio.gather(*[one.cached.find_url(link.id) for link in links])
                assert urls == [link.url for link in links]
            assert [size for size in sizes if size] == [50, 50]

    run(scenario)


@pytest.mark.parametrize("change", ["changed", "deleted"])
def test_what_was_read_before_a_change_is_not_kept_after_it(
    events_url: str, redis_url: str, seen: Seen, change: str
) -> None:
    """The reader has the old url from the database; the change comes and goes; then the reader fills."""
    expected = NEW if change == "changed" else None

    async def scenario() -> None:
        async with copy(events_url, redis_url) as slow, copy(events_url, redis_url) as other:
            link = await slow.links.add(OLD)
            slow.held.answers.clear()
            early = asyncio.create_task(slow.cached.find_url(link.id))
            await until(lambda: slow.held.reads)
            assert (seen.value(link.id) or "").startswith(LEASE)
            await asyncio.sleep(0.05)  # the database has answered by then: only the store holds it back
            await (other.change(link.id, NEW) if change == "changed" else other.remove(link.id))
            assert await other.cached.find_url(link.id) == expected
            late = asyncio.create_task(slow.cached.find_url(link.id))  # it must not get what the early one has read
            await until(late.done)
            slow.held.answers.set()
            assert await early == OLD  # it came before the change
            assert await late == expected
            assert seen.value(link.id) == (expected or UNKNOWN)
            for each in (slow, other):
                assert await each.cached.find_url(link.id) == expected

    run(scenario)


def test_a_reader_who_comes_after_a_change_does_not_share_a_read_from_before_it(
    events_url: str, redis_url: str, seen: Seen
) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as slow, copy(events_url, redis_url) as other:
            link = await slow.links.add(OLD)
            slow.held.answers.clear()
            early = [asyncio.create_task(slow.cached.find_url(link.id)) for _ in range(3)]
            await until(lambda: slow.held.reads)
            await asyncio.sleep(0.05)
            await other.change(link.id, NEW)
            late = asyncio.create_task(slow.cached.find_url(link.id))  # nothing lies there: it takes a lease of its own
            await until(lambda: len(slow.held.reads) == 2)
            slow.held.answers.set()
            assert await asyncio.gather(*early) == [OLD] * 3
            assert await late == NEW
            assert seen.value(link.id) == NEW

    run(scenario)


def test_while_a_link_is_being_changed_the_database_is_asked_and_nothing_is_kept(
    events_url: str, redis_url: str, seen: Seen
) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as one, copy(events_url, redis_url) as other:
            link = await one.links.add(OLD)
            await one.cached.find_url(link.id)
            async with one.cached.changing(link.id):
                assert await other.cached.find_url(link.id) == OLD
                assert await one.links.change(link.id, NEW)
                assert await other.cached.find_url(link.id) == NEW
                assert seen.value(link.id) == CHANGING
                assert 0 < seen.milliseconds(link.id) <= 20_000
            assert seen.value(link.id) is None

    run(scenario)


def test_a_change_of_unknown_end_leaves_its_mark(events_url: str, redis_url: str, seen: Seen) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as one:
            link = await one.links.add(OLD)
            with pytest.raises(Unavailable, match="too slow"):
                async with one.cached.changing(link.id):
                    raise Unavailable("too slow")
            assert await one.cached.find_url(link.id) == OLD
            assert seen.value(link.id) == CHANGING

    run(scenario)


def test_two_changes_at_once_leave_nothing_stale(events_url: str, redis_url: str) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as one, copy(events_url, redis_url) as other:
            link = await one.links.add(OLD)
            ended = asyncio.Event()

            async def read(each: Copy) -> None:
                while not ended.is_set():
                    await each.cached.find_url(link.id)

            readers = [asyncio.create_task(read(each)) for each in (one, other) for _ in range(4)]
            for number in range(30):
                await asyncio.gather(one.change(link.id, f"{OLD}{number}"), other.change(link.id, f"{NEW}{number}"))
                found = await one.links.find(link.id)
                assert found is not None
                for each in (one, other):
                    assert await each.cached.find_url(link.id) == found.link.url
            ended.set()
            await asyncio.gather(*readers)

    run(scenario)


def test_a_fill_that_comes_after_its_lease_has_expired_is_refused(
    events_url: str, redis_url: str, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached_store, "LEASE_TTL", 50)

    async def scenario() -> None:
        async with copy(events_url, redis_url) as slow, copy(events_url, redis_url) as other:
            link = await slow.links.add(OLD)
            slow.held.answers.clear()
            early = asyncio.create_task(slow.cached.find_url(link.id))
            await until(lambda: slow.held.reads)
            await until(lambda: seen.value(link.id) is None)
            assert await other.cached.find_url(link.id) == OLD  # by a lease of its own
            seen.client.set(LINK + link.id, NEW)
            slow.held.answers.set()
            assert await early == OLD
            assert seen.value(link.id) == NEW

    run(scenario)


def test_a_lease_whose_holder_has_died_is_not_waited_for_long(
    events_url: str, redis_url: str, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached_store, "PATIENCE", 0.3)

    async def scenario() -> None:
        async with copy(events_url, redis_url) as one:
            link = await one.links.add(OLD)
            seen.client.set(LINK + link.id, f"{LEASE}dead", px=60_000)
            start = time.monotonic()
            assert set(await asyncio.gather(*[one.cached.find_url(link.id) for _ in range(20)])) == {OLD}
            assert 0.3 <= time.monotonic() - start < 5
            assert seen.value(link.id) == f"{LEASE}dead"  # whoever has no lease fills nothing

    run(scenario)


def test_a_read_that_fails_gives_its_lease_back(events_url: str, redis_url: str, seen: Seen) -> None:
    async def scenario() -> None:
        async with copy(events_url, redis_url) as one:
            link = await one.links.add(OLD)
            one.held.down = True
            done = await asyncio.gather(*[one.cached.find_url(link.id) for _ in range(5)], return_exceptions=True)
            assert all(isinstance(error, Unavailable) for error in done)
            one.held.down = False
            await until(lambda: seen.value(link.id) is None, 1)
            assert await one.cached.find_url(link.id) == OLD
            assert seen.value(link.id) == OLD

    run(scenario)


@pytest.mark.usefixtures("short")
def test_a_redis_that_hangs_is_waited_for_once_and_used_again_when_it_answers(events_url: str, redis_url: str) -> None:
    async def scenario() -> None:
        wire = Wire(redis_url)
        async with wire.open() as url, copy(events_url, url) as one:
            link = await one.links.add(OLD)
            assert await one.cached.find_url(link.id) == OLD
            wire.flows.clear()
            start = time.monotonic()
            assert set(await asyncio.gather(*[one.cached.find_url(link.id) for _ in range(200)])) == {OLD}
            for _ in range(100):  # while it is looked whether Redis is back
                assert await one.cached.find_url(link.id) == OLD
            assert time.monotonic() - start < 10
            assert one.count("error") == 300
            wire.flows.set()
            before = one.count("hit")
            async with asyncio.timeout(10):
                while one.count("hit") == before:
                    assert await one.cached.find_url(link.id) == OLD
                    await asyncio.sleep(0.01)

    run(scenario)


def test_without_redis_the_reads_share_the_database(events_url: str) -> None:
    async def scenario() -> None:
        async with copy(events_url, "redis://:lab@127.0.0.1:1/0") as one:
            link = await one.links.add(OLD)
            assert set(await asyncio.gather(*[one.cached.find_url(link.id) for _ in range(200)])) == {OLD}
            with pytest.raises(CacheAway):
                await one.change(link.id, NEW)
            assert await one.cached.find_url(link.id) == OLD

    run(scenario)


@pytest.mark.usefixtures("short")
def test_a_lease_that_redis_takes_with_it_costs_no_answer(events_url: str, redis_url: str) -> None:
    async def scenario() -> None:
        wire = Wire(redis_url)
        async with wire.open() as url, copy(events_url, url) as one:
            link = await one.links.add(OLD)
            one.held.answers.clear()
            gets = [asyncio.create_task(one.cached.find_url(link.id)) for _ in range(20)]
            await until(lambda: one.held.reads)
            wire.flows.clear()
            one.held.answers.set()
            start = time.monotonic()
            assert set(await asyncio.gather(*gets)) == {OLD}
            assert time.monotonic() - start < 5

    run(scenario)


@pytest.mark.usefixtures("short")
def test_no_change_is_begun_that_the_copies_cannot_hear_of(events_url: str, redis_url: str) -> None:
    async def scenario() -> None:
        wire = Wire(redis_url)
        async with wire.open() as url, copy(events_url, url) as one:
            link = await one.links.add(OLD)
            await one.cached.find_url(link.id)
            wire.flows.clear()
            for change in (one.change(link.id, NEW), one.remove(link.id)):
                with pytest.raises(CacheAway):
                    await change
            found = await one.links.find(link.id)
            assert found is not None
            assert found.link.url == OLD
            wire.flows.set()

    run(scenario)


@pytest.mark.usefixtures("short")
def test_a_change_that_loses_redis_on_its_way_is_followed_all_the_same(events_url: str, redis_url: str) -> None:
    async def scenario() -> None:
        wire = Wire(redis_url)
        async with copy(events_url, redis_url) as other, wire.open() as url, copy(events_url, url) as one:
            link = await one.links.add(OLD)
            assert await other.cached.find_url(link.id) == OLD
            async with one.cached.changing(link.id):
                assert await one.links.change(link.id, NEW)
                wire.flows.clear()
            for each in (one, other):
                assert await each.cached.find_url(link.id) == NEW
            wire.flows.set()

    run(scenario)
