"""What the checks read in Postgres: which statement a known miss runs and how often; a reader that is held half-way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import psycopg
import pytest

from checks.plugin.database import Connection
from checks.plugin.held_read import gate_closed, holdable_reads, wait_for_reader
from checks.plugin.link_reads import link_reads
from checks.plugin.redis_server import RedisServer
from checks.plugin.service import Service
from checks.plugin.verdict import Inconclusive
from checks.unit.postgres import running_postgres

READ = "SELECT url FROM links WHERE id = %s"


class Cache:
    """A Redis with nothing in it."""

    def keys_of(self, links: list[dict[str, Any]]) -> dict[str, list[bytes]]:
        return {str(link["id"]): [] for link in links}

    def expire(self, names: list[bytes]) -> None:
        assert names == []


class Straight:
    """A service without a cache: it reads the database each time, unless it is `deaf`."""

    def __init__(self, url: str, deaf: bool = False) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.made, self.deaf = 0, deaf

    def create(self, url: str) -> dict[str, Any]:
        self.made += 1
        self.connection.execute("INSERT INTO links VALUES (%s, %s)", (f"id-{self.made}", url))
        return {"id": f"id-{self.made}", "url": url}

    def request(self, method: str, path: str) -> None:
        if not self.deaf:
            self.connection.execute(READ, (path[1:],))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("postgres")
    with running_postgres(folder, "-cfsync=off", "-cshared_preload_libraries=pg_stat_statements") as (url, _):
        yield url


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS links")
        connection.execute("CREATE TABLE links (id text PRIMARY KEY, url text NOT NULL)")
        yield connection


def reading(connection: Connection, service: Straight) -> Any:
    return link_reads(cast(Service, service), connection, cast(RedisServer, Cache()))


def test_known_misses_tell_the_statement_amid_others(url: str, connection: Connection) -> None:
    service, ended = Straight(url), threading.Event()

    def poll() -> None:
        with psycopg.connect(url, autocommit=True) as other:
            while not ended.is_set():
                other.execute("SELECT count(*) FROM links WHERE url = %s", ("none",))

    with ThreadPoolExecutor(1) as pool, service.connection:
        polling = pool.submit(poll)
        try:
            reads = reading(connection, service)
        finally:
            ended.set()
        polling.result()
        assert len(reads.statements) == 1
        before = reads.count()
        for _ in range(3):
            service.request("HEAD", "/id-1")
        assert reads.count() - before == 3
        assert reads.tables() == ["public.links"]


def test_misses_that_leave_no_statement_decide_nothing(url: str, connection: Connection) -> None:
    service = Straight(url, deaf=True)
    with service.connection, pytest.raises(Inconclusive, match="cannot tell a cache's miss"):
        reading(connection, service)


def test_the_first_reader_of_a_marked_row_is_held_and_a_change_passes_it(url: str, connection: Connection) -> None:
    connection.execute("INSERT INTO links VALUES ('a', 'marked-old'), ('b', 'other')")
    with (
        psycopg.connect(url, autocommit=True) as reader,
        psycopg.connect(url, autocommit=True) as writer,
        ThreadPoolExecutor(1) as pool,
        holdable_reads(connection, "public.links", "marked"),
    ):
        with gate_closed(connection):
            assert writer.execute(READ, ("b",)).fetchall() == [("other",)]
            reading = pool.submit(lambda: reader.execute(READ, ("a",)).fetchall())
            assert wait_for_reader(connection, within=5)
            writer.execute("UPDATE links SET url = 'new' WHERE id = 'a'")
            assert not reading.done()
        assert reading.result(timeout=5) == [("marked-old",)]
        assert writer.execute(READ, ("a",)).fetchall() == [("new",)]
    assert connection.execute("SELECT relkind FROM pg_class WHERE relname = 'links'").fetchall() == [("r",)]
    assert connection.execute("SELECT FROM pg_proc WHERE proname = 'lab_held_read'").rowcount == 0


def test_nobody_at_the_gate_is_said(connection: Connection) -> None:
    with holdable_reads(connection, "public.links", "marked"), gate_closed(connection):
        assert not wait_for_reader(connection, within=0.05)


def test_what_cannot_be_replaced_leaves_the_check_open(connection: Connection) -> None:
    with pytest.raises(Inconclusive, match="cannot be held up"), holdable_reads(connection, "public.none", "marked"):
        pass
