"""The store on a real Postgres: shared reads, pages while others write, and a bounded answer whatever breaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator

import psycopg
import pytest

from checks.unit.service.running import run
from checks.unit.service.wire import Wire
from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres import connections, postgres_store
from shortener.lab2_postgres.connections import SECONDS, Connections
from shortener.lab2_postgres.postgres_store import PostgresStore

URL = "https://example.com/"


@contextlib.asynccontextmanager
async def opened(url: str, size: int = 10) -> AsyncIterator[tuple[PostgresStore, Connections]]:
    pool = Connections(url, size)
    try:
        yield PostgresStore(pool), pool
    finally:
        await pool.close()


def test_a_link_is_found_by_its_id(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as (store, _):
            link = await store.add(URL)
            assert await store.find_url(link.id) == URL
            assert await store.find(link.id) == link
            assert await store.find_url("0000000") is None
            assert await store.find("0000000") is None
            assert link.created_at.utcoffset() is not None

    run(scenario)


def test_reads_that_wait_share_a_query(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with opened(database_url) as (store, pool):
            links = [await store.add(f"{URL}{number}") for number in range(20)]
            queries: list[int] = []
            fetch = pool.fetch

            async def counted(query: str, parameters: tuple[str]) -> object:
                queries.append(len(parameters[0].split(",")))
                return await fetch(query, parameters)

            monkeypatch.setattr(store, "_fetch", counted)
            assert await asyncio.gather(*[store.find_url(link.id) for link in links]) == [link.url for link in links]
            assert queries == [20]

    run(scenario)


def test_an_id_that_is_taken_is_not_taken_twice(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["aaaaaaa", "aaaaaaa", "bbbbbbb"])
    monkeypatch.setattr(postgres_store, "new_id", lambda: next(ids))

    async def scenario() -> None:
        async with opened(database_url) as (store, _):
            assert [(await store.add(f"{URL}{number}")).id for number in range(2)] == ["aaaaaaa", "bbbbbbb"]
            assert await store.find_url("aaaaaaa") == f"{URL}0"

    run(scenario)


async def all_pages(store: PostgresStore, limit: int) -> list[str]:
    ids: list[str] = []
    before = None
    while page := await store.newest(URL, limit, before):
        ids += [link.id for link in page]
        before = page[-1].created_at, page[-1].id
    return ids


def test_pages_are_newest_first_and_whole_while_others_write(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as (store, _):
            owed = [(await store.add(URL)).id for _ in range(60)]
            await store.add(f"{URL}another")
            ended = asyncio.Event()

            async def write() -> None:
                while not ended.is_set():
                    await store.add(URL)

            writers = [asyncio.create_task(write()) for _ in range(4)]
            for limit in (1, 7, 100):
                seen = await all_pages(store, limit)
                assert len(seen) == len(set(seen))
                assert [link_id for link_id in reversed(seen) if link_id in owed] == owed
            ended.set()
            await asyncio.gather(*writers)

    run(scenario)


def test_links_of_the_same_instant_are_each_on_one_page(database_url: str) -> None:
    ids = {f"same{number:03}" for number in range(50)}
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO links VALUES (%s, %s, '2026-01-01')", [(link_id, URL) for link_id in ids])

    async def scenario() -> None:
        async with opened(database_url) as (store, _):
            seen = await all_pages(store, 7)
            assert sorted(seen) == sorted(ids)

    run(scenario)


def test_the_longest_url_that_nothing_compresses_fits_the_index(database_url: str) -> None:
    url = URL + os.urandom(2048).hex()[: 2048 - len(URL)]

    async def scenario() -> None:
        async with opened(database_url) as (store, _):
            link = await store.add(url)
            assert await store.newest(url, 1, None) == [link]

    run(scenario)


def test_without_the_tables_it_says_what_to_do(empty_url: str) -> None:
    async def scenario() -> None:
        async with opened(empty_url) as (store, _):
            for call in (store.check(), store.add(URL), store.find_url("aaaaaaa"), store.newest(URL, 1, None)):
                with pytest.raises(Unavailable, match="run the migrations"):
                    await call

    run(scenario)


def test_connections_that_the_server_ended_are_replaced_unnoticed(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as (store, pool):
            await asyncio.gather(*[store.add(URL) for _ in range(5)])
            assert len(pool._idle) > 1
            with psycopg.connect(database_url, autocommit=True) as admin:
                others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                admin.execute(f"SELECT pg_terminate_backend(pid) {others}")
                while admin.execute(f"SELECT 1 {others}").fetchall():
                    await asyncio.sleep(0.01)
            assert (await store.add(URL)).url == URL
            assert len(pool._idle) == 1

    run(scenario)


def test_a_pool_in_use_is_waited_for_and_then_given_up(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url, size=2) as (store, pool):
            link = await store.add(URL)
            busy = [asyncio.create_task(pool.fetch("SELECT pg_sleep(1)")) for _ in range(2)]
            await asyncio.sleep(0)
            assert await store.find_url(link.id) == URL
            await asyncio.gather(*busy)
            locks = [asyncio.create_task(pool.fetch("SELECT pg_sleep(9)")) for _ in range(4)]
            done = await asyncio.gather(*locks, return_exceptions=True)
            assert all(isinstance(error, Unavailable) for error in done)
            assert await store.find_url(link.id) == URL

    run(scenario)


def test_a_lock_on_the_table_is_waited_for_in_bounds(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as (store, _):
            link = await store.add(URL)
            with psycopg.connect(database_url) as other:
                other.execute("LOCK TABLE links IN SHARE MODE")
                with pytest.raises(Unavailable, match="lock timeout"):
                    await store.add(URL)
                assert await store.find_url(link.id) == URL
            assert (await store.add(URL)).url == URL

    run(scenario)


def test_a_server_out_of_reach_is_told_at_once() -> None:
    async def scenario() -> None:
        async with opened("postgresql://lab:lab@127.0.0.1:1/links") as (store, _):
            start = time.monotonic()
            with pytest.raises(Unavailable, match="out of reach"):
                await store.find_url("aaaaaaa")
            assert time.monotonic() - start < 1

    run(scenario)


def test_a_cut_link_is_not_waited_for_and_serves_again_once_healed(database_url: str) -> None:
    async def scenario() -> None:
        wire = Wire(database_url)
        async with wire.open() as url, opened(url) as (store, _):
            link = await store.add(URL)
            wire.flows.clear()
            for call in (store.find_url(link.id), store.add(URL)):  # over the pooled connection, over a new one
                start = time.monotonic()
                with pytest.raises(Unavailable):
                    await call
                assert time.monotonic() - start < SECONDS + 0.5
            wire.flows.set()
            assert await store.find_url(link.id) == URL
            assert (await store.add(URL)).url == URL

    run(scenario)


def test_many_who_wait_for_a_cut_link_are_all_answered_in_time(database_url: str) -> None:
    async def scenario() -> None:
        wire = Wire(database_url)
        async with wire.open() as url, opened(url) as (store, _):
            link = await store.add(URL)
            wire.flows.clear()
            start = time.monotonic()
            reads = [store.find_url(link.id) for _ in range(50)]
            done = await asyncio.gather(*reads, *[store.add(URL) for _ in range(50)], return_exceptions=True)
            assert all(isinstance(error, Unavailable) for error in done)
            assert time.monotonic() - start < SECONDS + 1
            wire.flows.set()

    run(scenario)


def test_the_server_gives_up_before_the_client_does() -> None:
    assert "statement_timeout=1500" in connections.SETTINGS
    assert SECONDS > 1.5
