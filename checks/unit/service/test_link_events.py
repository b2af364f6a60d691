"""What is written with each change of a link on a real Postgres: the event in the outbox, and the key of a POST."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from checks.unit.service.running import run
from shortener.lab1_file.links import Link, Unavailable
from shortener.lab2_postgres.connections import Connections
from shortener.lab3_cache_and_events import idempotency, link_events
from shortener.lab3_cache_and_events.idempotency import IdempotentLinks, expire, parsed
from shortener.lab3_cache_and_events.link_events import LinkEvents

URL = "https://example.com/"


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[LinkEvents, IdempotentLinks]]:
    connections = Connections(url)
    try:
        yield LinkEvents(connections), IdempotentLinks(connections)
    finally:
        await connections.close()


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def outbox(url: str) -> list[tuple[object, ...]]:
    return rows(url, "SELECT link_id, event, url FROM outbox ORDER BY id")


def test_each_change_leaves_its_event(events_url: str) -> None:
    async def scenario() -> None:
        async with opened(events_url) as (links, _):
            link = await links.add(URL)
            changed = await links.change(link.id, f"{URL}new")
            assert changed is not None
            assert changed == await links.find(link.id)
            assert (changed.link.url, changed.link.created_at, changed.clicks) == (f"{URL}new", link.created_at, 0)
            assert await links.remove(link.id)
            assert outbox(events_url) == [
                (link.id, "created", URL),
                (link.id, "changed", f"{URL}new"),
                (link.id, "deleted", None),
            ]
            assert not await links.remove(link.id)
            assert await links.change(link.id, URL) is None
            assert await links.find(link.id) is None
            assert len(outbox(events_url)) == 3

    run(scenario)


def test_the_counted_clicks_are_shown(events_url: str) -> None:
    async def scenario() -> None:
        async with opened(events_url) as (links, _):
            link = await links.add(URL)
            with psycopg.connect(events_url) as connection:
                connection.execute("INSERT INTO click_counts VALUES (%s, 7)", (link.id,))
            for found in (await links.find(link.id), await links.change(link.id, URL)):
                assert found is not None
                assert found.clicks == 7

    run(scenario)


def test_the_events_of_a_link_stand_in_the_order_of_its_changes(events_url: str) -> None:
    async def scenario() -> None:
        async with opened(events_url) as (links, _), opened(events_url) as (others, _):
            for _ in range(15):
                link = await links.add(URL)
                who = (links, others)
                await asyncio.gather(*[who[number % 2].change(link.id, f"{URL}{number}") for number in range(20)])
                found = await links.find(link.id)
                assert found is not None
                assert outbox(events_url)[-1] == (link.id, "changed", found.link.url)

    run(scenario)


def test_an_event_waits_for_the_change_before_it(events_url: str) -> None:
    """The earlier change is held up before it commits: the later one draws no id before that."""

    async def scenario() -> None:
        async with opened(events_url) as (links, _):
            link = await links.add(URL)
            with psycopg.connect(events_url) as held:
                held.execute(link_events.CHANGE.encode(), (f"{URL}first", link.id))
                later = asyncio.create_task(links.remove(link.id))
                blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%DELETE%'"
                while not rows(events_url, blocked):
                    await asyncio.sleep(0.01)
            assert await later
            assert [event for _, event, _ in outbox(events_url)] == ["created", "changed", "deleted"]

    run(scenario)


def test_a_key_stands_for_one_link(events_url: str) -> None:
    async def scenario() -> None:
        async with opened(events_url) as (links, once):
            first = await once.add(URL, "key")
            assert await once.add(URL, "key") == first
            assert (await once.add(URL, "other key")).id != first.id
            with pytest.raises(HTTPException) as refused:
                await once.add(f"{URL}other", "key")
            assert refused.value.status_code == 422
            assert len(outbox(events_url)) == 2
            found = await links.find(first.id)
            assert found is not None
            assert found.link == first
            await links.change(first.id, f"{URL}changed")
            assert await once.add(URL, "key") == first
            await links.remove(first.id)
            assert await once.add(URL, "key") == first

    run(scenario)


async def added(links: IdempotentLinks, key: str) -> Link:
    """As a client does it: who gets no answer in time, on a busy machine, asks again with the same key."""
    while True:
        with contextlib.suppress(Unavailable):
            return await links.add(URL, key)


def test_requests_with_one_key_at_once_get_one_link(events_url: str) -> None:
    async def scenario() -> None:
        async with opened(events_url) as (_, once), opened(events_url) as (_, other):
            for number in range(10):
                adds = [added(each, f"key {number}") for each in (once, other) for _ in range(10)]
                assert len({link.id for link in await asyncio.gather(*adds)}) == 1
            assert rows(events_url, "SELECT count(*) FROM links") == [(10,)]
            assert rows(events_url, "SELECT count(*) FROM outbox") == [(10,)]

    run(scenario)


def test_of_two_urls_with_one_key_at_once_one_is_refused(events_url: str) -> None:
    async def scenario() -> None:
        async with opened(events_url) as (_, once):
            adds = [once.add(f"{URL}{number}", "key") for number in range(8)]
            done = await asyncio.gather(*adds, return_exceptions=True)
            refused = [each for each in done if isinstance(each, HTTPException) and each.status_code == 422]
            assert len(refused) == 7
            assert rows(events_url, "SELECT count(*) FROM links") == [(1,)]

    run(scenario)


def test_one_who_waits_for_the_same_key_is_told_when_it_takes_too_long(events_url: str) -> None:
    async def scenario() -> None:
        async with opened(events_url) as (_, once):
            with psycopg.connect(events_url) as held:
                held.execute(
                    idempotency.ADD_ONCE.encode(), {"key": "key", "url": URL, "id": "abcdefg"}
                )  # and no commit
                with pytest.raises(Unavailable, match="lock timeout"):
                    await once.add(URL, "key")
                held.rollback()
            assert (await once.add(URL, "key")).url == URL

    run(scenario)


def test_a_key_is_forgotten_after_a_day(events_url: str) -> None:
    async def scenario() -> None:
        async with opened(events_url) as (_, once):
            first, kept = await once.add(URL, "old"), await once.add(URL, "young")
            with psycopg.connect(events_url, autocommit=True) as connection:
                age = "UPDATE idempotency_keys SET created_at = created_at - interval '24 hours 1 s' WHERE key = 'old'"
                connection.execute(age)
                anew = await once.add(f"{URL}other", "old")
                assert anew.id != first.id
                assert await once.add(f"{URL}other", "old") == anew
                assert expire(connection) == 0
                connection.execute(age)
                assert expire(connection) == 1
            assert await once.add(URL, "young") == kept
            assert rows(events_url, "SELECT key FROM idempotency_keys") == [("young",)]

    run(scenario)


def test_an_id_that_is_taken_is_not_taken_twice(events_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["aaaaaaa", "aaaaaaa", "bbbbbbb", "aaaaaaa", "ccccccc", "ddddddd"])
    for module in (link_events, idempotency):
        monkeypatch.setattr(module, "new_id", lambda: next(ids))

    async def scenario() -> None:
        async with opened(events_url) as (links, once):
            made = [await links.add(f"{URL}0"), await links.add(f"{URL}1"), await once.add(f"{URL}2", "key")]
            assert [link.id for link in made] == ["aaaaaaa", "bbbbbbb", "ccccccc"]
            assert await once.add(f"{URL}2", "key") == made[2]
            found = await links.find("aaaaaaa")
            assert found is not None
            assert found.link == made[0]
            assert [event[0] for event in outbox(events_url)] == ["aaaaaaa", "bbbbbbb", "ccccccc"]

    run(scenario)


KEYS = {
    '"8e03978e-40d5-43e8-bc93-6894a57f9324"': "8e03978e-40d5-43e8-bc93-6894a57f9324",
    "8e03978e-40d5-43e8-bc93-6894a57f9324": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    r'"a \"quoted\" \\ key"': r'a "quoted" \ key',
    '"%s"' % ("k" * 255): "k" * 255,
    "a/b:c=": "a/b:c=",
}
NO_KEYS = (
    "",
    '""',
    '"',
    '"a',
    'a"',
    '"a"b"',
    r'"a\b"',
    '"a", "b"',
    '"ü"',
    "ü",
    "a b",
    "a,b",
    '"a\tb"',
    "k" * 256,
    '"%s"' % ("k" * 256),
)


@pytest.mark.parametrize("header", KEYS)
def test_a_key_is_read_with_its_quotes_or_without(header: str) -> None:
    assert parsed(header) == KEYS[header]


@pytest.mark.parametrize("header", NO_KEYS)
def test_what_is_no_key_is_refused(header: str) -> None:
    with pytest.raises(HTTPException) as refused:
        parsed(header)
    assert refused.value.status_code == 400


@given(st.text() | st.from_regex(r'"[ -~]*"', fullmatch=True))
def test_any_header_is_a_key_or_refused(header: str) -> None:
    with contextlib.suppress(HTTPException):
        key = parsed(header)
        assert 1 <= len(key) <= 255
        assert key.isascii()
        assert key.isprintable()
