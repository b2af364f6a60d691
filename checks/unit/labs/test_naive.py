"""The naive cache to compare with, on a real Postgres and a real Redis: it has the two faults that it is there for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from checks.eventually import eventually
from checks.unit.postgres import running_postgres
from checks.unit.redis import PASSWORD, running_redis
from infra.compose.box import Box, NativeBox
from infra.errors import LabError
from infra.experiment.keepalive import Connection
from infra.runtime.protocol import Runtime
from infra.stage import Stage
from labs.lab2_postgres.database import database_url
from labs.lab3_cache_and_events import held_read, hot_key, naive_twin
from labs.lab3_cache_and_events.held_read import gate_shut, holdable, until_held
from labs.lab3_cache_and_events.kill_redis import kill_redis
from labs.lab3_cache_and_events.naive_twin import NaiveTwin
from labs.lab3_cache_and_events.servers import link_reads, redis_of, statements

URL = "https://example.com/marked"


def box(name: str, **environment: str) -> Box:
    return Box(name, (), frozenset(), environment, (), (), (), {}, NativeBox(name))


@dataclass
class Servers:
    """A stage of a Postgres and a Redis, and no more."""

    addresses: dict[str, tuple[str, int]]

    @property
    def stage(self) -> Stage:
        postgres = box("postgres", POSTGRES_USER="lab", POSTGRES_PASSWORD="lab", POSTGRES_DB="links")
        return Stage((postgres, box("redis", REDIS_PASSWORD=PASSWORD)))

    def address(self, name: str, target: int | None = None) -> tuple[str, int]:
        return self.addresses[name]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("servers")
    counted = "-cshared_preload_libraries=pg_stat_statements"
    with (
        running_postgres(folder / "p", "-cfsync=off", counted) as (postgres, _),
        running_redis(folder / "r") as (redis, _),
    ):
        addresses = {}
        for name, url in (("postgres", postgres), ("redis", redis)):
            parts = urlsplit(url)
            addresses[name] = str(parts.hostname), int(parts.port or 0)
        servers = cast("Runtime", Servers(addresses))
        with psycopg.connect(database_url(servers), autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE links (id text PRIMARY KEY, url text, created_at timestamptz DEFAULT now())"
            )
        yield servers


@pytest.fixture
def twin(stage: Runtime) -> Iterator[NaiveTwin]:
    naive = NaiveTwin()
    naive.start(stage)
    yield naive
    naive.end(stage)


def add(stage: Runtime, link_id: str) -> None:
    with psycopg.connect(database_url(stage), autocommit=True) as connection:
        connection.execute("INSERT INTO links (id, url) VALUES (%s, %s)", (link_id, URL))


def test_it_caches_as_it_says(stage: Runtime, twin: NaiveTwin) -> None:
    add(stage, "cached1")
    with statements(stage) as connection, Connection(twin.address) as client:
        before = link_reads(connection)[1]
        answers = [client.ask("GET", "/cached1") for _ in range(5)]
        assert [(answer.status, answer.location) for answer in answers] == [(302, URL)] * 5
        assert link_reads(connection)[1] - before == 1
        assert client.ask("GET", "/nobody1").status == 404
        assert client.ask("DELETE", "/links/cached1").status == 204
        assert client.ask("GET", "/cached1").status == 404


def service_caches(stage: Runtime, link_id: str) -> None:
    """What the service would have under its key."""
    with redis_of(stage) as redis:
        redis.set(f"ours:{link_id}", URL)


def test_it_sends_a_herd_when_a_hot_key_expires(
    stage: Runtime, twin: NaiveTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_key, "_BUSY", 1.0)
    add(stage, "hotkey1")
    service_caches(stage, "hotkey1")
    with Connection(twin.address) as client, ThreadPoolExecutor(12) as pool:
        client.ask("GET", "/hotkey1")
        expired = pool.submit(hot_key.Expiry().happen, stage)
        with redis_of(stage) as redis:
            assert eventually(lambda: not redis.exists("naive:hotkey1"), within=5)
        herd = [pool.submit(_get, twin, "/hotkey1") for _ in range(8)]
        figures = expired.result()
        assert {read.result() for read in herd} == {302}
    assert figures["queries_of_the_naive_cache"] >= 4
    assert figures["queries_of_the_service"] == 0


def _get(twin: NaiveTwin, path: str) -> int:
    with Connection(twin.address) as client:
        return client.ask("GET", path).status


def test_where_only_the_twin_has_a_key_there_is_nothing_to_compare(stage: Runtime, twin: NaiveTwin) -> None:
    add(stage, "nocache")
    assert _get(twin, "/nocache") == 302
    with pytest.raises(LabError, match="the service does not cache it"):
        hot_key.Expiry().happen(stage)


def test_it_brings_a_deleted_link_back_when_the_delete_races_its_fill(stage: Runtime, twin: NaiveTwin) -> None:
    add(stage, "deleted")
    with statements(stage) as connection, holdable(connection, "marked"), ThreadPoolExecutor(1) as pool:
        with gate_shut(connection), Connection(twin.address) as client:
            read = pool.submit(_get, twin, "/deleted")
            until_held(connection)
            assert client.ask("DELETE", "/links/deleted").status == 204
        assert read.result() == 302
        assert _get(twin, "/deleted") == 302
    with psycopg.connect(database_url(stage)) as again:
        row = again.execute("SELECT relkind FROM pg_class WHERE relname = 'links'").fetchone()
        assert row == ("r",)  # the table has its name back


def test_a_redis_that_nobody_uses_is_not_killed(stage: Runtime) -> None:
    with redis_of(stage) as redis:
        redis.config_resetstat()
    kill = kill_redis().schedule[0]
    with pytest.raises(LabError, match="does not use its cache"):
        kill.do(stage)


def test_a_reader_that_never_comes_is_told_of(stage: Runtime) -> None:
    with statements(stage) as connection, holdable(connection, "marked"), gate_shut(connection):  # noqa: SIM117
        with pytest.raises(LabError, match="no race to watch"):
            held_read.until_held(connection, within=0.1)


def test_it_is_gone_when_it_is_ended_and_tells_why_it_did_not_start(
    stage: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    naive = NaiveTwin()
    naive.start(stage)
    assert naive._process is not None
    naive.end(stage)
    assert not psutil.pid_exists(naive._process.pid)
    monkeypatch.setattr(naive_twin, "redis_url", lambda _: "nonsense")
    broken = NaiveTwin()
    with pytest.raises(LabError, match=r"did not start: .*Redis URL"):
        broken.start(stage)
    broken.end(stage)
