"""Reads over a real primary and a real standby that is held back: as new as the session needs them, in time, and never
cached when they are old."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from psycopg.rows import TupleRow

from checks.eventually import eventually
from checks.unit.replicated import Pair, running_pair
from checks.unit.service.replicas import Side, opened, request
from checks.unit.service.running import run, running_service
from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres import connections
from shortener.lab2_postgres.connections import SECONDS, Parameters
from shortener.lab2_postgres.migrate import migrate
from shortener.lab3_cache_and_events import cache, cached_store
from shortener.lab3_cache_and_events.cache import Cache
from shortener.lab3_cache_and_events.link_events import LinkEvents
from shortener.lab3_cache_and_events.migrate import VERSIONS
from shortener.lab5_failover import leader_connections, replica, server_connection
from shortener.lab5_failover.bounds import POSITION, REPLICA
from shortener.lab5_failover.leader_connections import LeaderConnections
from shortener.lab5_failover.position import Position, parsed
from shortener.lab5_failover.replica import Replica
from shortener.lab5_failover.replica_cache import ReplicaCache
from shortener.lab5_failover.server_connection import NotReplicated, Reading

OLD, NEW = "https://example.com/old", "https://example.com/new"
PATIENT = 20.0  # seconds


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, nothing below runs out of time but what a test lets run out of time: a replica that is
    slow would count as one that is away, and the leader, which is asked in its place, shows what no replica has."""
    for pool in (Replica, LeaderConnections):
        monkeypatch.setattr(pool, "seconds", PATIENT)
    monkeypatch.setattr(connections, "SECONDS", PATIENT)
    monkeypatch.setattr(leader_connections, "POSITION", PATIENT)
    monkeypatch.setattr(cache, "SECONDS", PATIENT)
    for name, value in (("SECONDS", PATIENT), ("PATIENCE", PATIENT), ("LEASE_TTL", 20_000), ("CHANGING_TTL", 20_000)):
        monkeypatch.setattr(cached_store, name, value)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(tmp_path_factory.mktemp("pair")) as pair:
        migrate(pair.primary.url, versions=VERSIONS)
        pair.catch_up()
        yield pair


async def made(side: Side, url: str = OLD) -> tuple[str, Position]:
    """A new link's id, and what its maker has seen."""
    with request() as session:
        link = await side.links.add(url)
    assert session.seen
    return link.id, session.seen


def test_a_client_sees_its_own_write_and_a_stranger_an_old_state(pair: Pair) -> None:
    async def scenario() -> None:
        async with opened(pair.url, pair.url) as side:
            link_id, _ = await made(side)
            pair.catch_up()
            with request() as reader:
                assert await side.store.find_url(link_id) == OLD
            assert side.reads_by("replica") == 1  # the primary is asked by nobody, though the url names it first
            with pair.held_back():
                with request() as writer:
                    assert await side.links.change(link_id, NEW)
                assert writer.seen is not None
                assert reader.seen is not None
                assert writer.seen > reader.seen
                for _ in range(4):
                    with request():
                        assert await side.store.find_url(link_id) == OLD  # nothing says that it should know
                start = time.monotonic()
                for _ in range(4):
                    with request(writer.seen) as again:
                        assert await side.store.find_url(link_id) == NEW
                        found = await LinkEvents(side.reads).find(link_id)
                        assert found is not None
                        assert found.link.url == NEW
                    assert again.seen is not None
                    assert again.seen >= writer.seen
                assert time.monotonic() - start < PATIENT  # the replica is not waited for until it must answer
                assert side.fallen_back("behind") == side.reads_by("leader") == 8
            pair.catch_up()
            answered, deadline = side.reads_by("replica"), time.monotonic() + PATIENT
            while side.reads_by("replica") == answered:  # it is asked again once it was left alone for a while
                assert time.monotonic() < deadline
                with request(writer.seen):
                    assert await side.store.find_url(link_id) == NEW

    run(scenario)


def test_who_has_read_from_the_leader_never_reads_backwards(pair: Pair) -> None:
    async def scenario() -> None:
        async with opened(pair.url, pair.url) as side, opened(pair.url) as leader_alone:
            link_id, _ = await made(side)
            with pair.held_back():
                await leader_alone.links.change(link_id, NEW)
                with request() as session:  # no write: it only saw the change
                    assert await leader_alone.store.find_url(link_id) == NEW
                with request(session.seen):
                    assert await side.store.find_url(link_id) == NEW
                with request():
                    assert await side.store.find_url(link_id) == OLD

    run(scenario)


def test_what_a_replica_does_not_find_the_leader_is_asked_for(pair: Pair) -> None:
    async def scenario() -> None:
        async with opened(pair.url, pair.url) as side:
            await made(side)
            with pair.held_back():
                link_id, _ = await made(side, NEW)
                with request():  # a stranger's first look at a link that was just made
                    assert await side.store.find_url(link_id) == NEW
                    assert await side.store.find("0000000") is None
                    assert [link.id for link in await side.store.newest(NEW + "?none", 5, None)] == []
                assert side.fallen_back("not_found") == 3
                gone, _ = await made(side, NEW)

            pair.catch_up()
            with pair.held_back():
                with request() as remover:
                    assert await side.links.remove(gone)
                with request(remover.seen):
                    assert await side.store.find_url(gone) is None

    run(scenario)


def test_a_replica_that_hangs_holds_up_one_read_in_a_while(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The while is made longer than the test: then it is one read in all, on however busy a machine."""
    monkeypatch.setattr(replica, "REST", 60.0)
    asked: list[str] = []
    read = Replica.read

    async def noted(self: Replica, query: str, parameters: Parameters = ()) -> Reading[list[TupleRow]]:
        asked.append(query)
        return await read(self, query, parameters)

    async def scenario() -> None:
        async with opened(pair.url, pair.url) as side:
            link_id, _ = await made(side)
            pair.catch_up()
            await side.store.find_url(link_id)
            assert side.reads_by("replica") == 1
            pair.standby.signal(signal.SIGSTOP)
            monkeypatch.setattr(Replica, "seconds", REPLICA)
            monkeypatch.setattr(Replica, "read", noted)
            try:
                start = time.monotonic()
                for _ in range(6):
                    assert await side.store.find_url(link_id) == OLD
                    assert await LinkEvents(side.reads).find(link_id)
                assert REPLICA <= time.monotonic() - start < PATIENT
                assert len(asked) == 1
                assert side.fallen_back("away") == 12
            finally:
                pair.standby.signal(signal.SIGCONT)

    run(scenario)


def test_without_replicas_the_leader_is_asked(pair: Pair) -> None:
    async def scenario() -> None:
        async with opened(pair.url) as side:
            link_id, seen = await made(side)
            with request(seen):
                assert await side.store.find_url(link_id) == OLD
            assert (side.reads_by("leader"), side.reads_by("replica")) == (1, 0)
            assert [side.fallen_back(why) for why in ("behind", "away", "not_found")] == [0, 0, 0]

    run(scenario)


def test_a_commit_that_its_standby_may_not_have_is_not_acknowledged(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leader has 10 s to give the commit up, where the service grants it 0.4 s: then it is no other failure."""
    for module in (leader_connections, server_connection):
        monkeypatch.setattr(module, "COMMIT_GRACE", 10.0)

    async def scenario() -> None:
        async with opened(pair.url, pair.url) as side:
            with pair.synchronous():
                link_id, _ = await made(side)
                pair.standby.signal(signal.SIGSTOP)
                monkeypatch.setattr(connections, "SECONDS", 10.0 + SECONDS)  # beyond that it would be another failure
                try:
                    with request() as session, pytest.raises(NotReplicated, match="might not have been replicated"):
                        await side.links.change(link_id, NEW)
                    assert session.seen is None
                    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                    assert pair.primary.ask(waiting) == "0"  # or the leader would soon have no connection left
                finally:
                    pair.standby.signal(signal.SIGCONT)
                monkeypatch.setattr(connections, "SECONDS", PATIENT)
                assert await side.links.change(link_id, NEW)  # it leads still: it is found again
            assert len(side.writes._idle) == 1

    run(scenario)


def test_a_change_that_was_told_is_not_undone_by_a_fill_from_a_replica(pair: Pair, redis_url: str) -> None:
    async def scenario() -> None:
        async with opened(pair.url, pair.url) as side:
            cache = Cache(redis_url)
            cached = ReplicaCache(side.store, cache, CollectorRegistry())
            link_id, _ = await made(side)
            gone, _ = await made(side)
            with request():
                assert await cached.find_url(link_id) == await cached.find_url(gone) == OLD
            pair.catch_up()
            with pair.held_back():
                async with cached.changing(link_id):
                    await side.links.change(link_id, NEW)
                async with cached.changing(gone):
                    await side.links.remove(gone)
                for _ in range(3):  # strangers: the first fills the cache
                    with request() as stranger:
                        assert await cached.find_url(link_id) == NEW
                    # What it saw in the cache it sees in the database, too.
                    with request(stranger.seen):
                        found = await LinkEvents(side.reads).find(link_id)
                        assert found is not None
                        assert found.link.url == NEW
                    with request() as stranger:
                        assert await cached.find_url(gone) is None
                    with request(stranger.seen):
                        assert await LinkEvents(side.reads).find(gone) is None
                entry = await cache.get(f"l:{link_id}")
                assert entry is not None
                assert entry.endswith(f" {NEW}")
            cache.close()

    run(scenario)


def test_without_the_leader_reads_go_on_in_time_and_nothing_is_cached(
    pair: Pair, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with opened(pair.url) as side:
            link_id, seen = await made(side)
        pair.catch_up()
        nobody = "postgresql://lab:lab@127.0.0.1:1/links"
        monkeypatch.setattr(connections, "SECONDS", SECONDS)
        monkeypatch.setattr(LeaderConnections, "seconds", SECONDS)
        async with opened(nobody, pair.standby.url) as side:
            cache = Cache(redis_url)
            cached = ReplicaCache(side.store, cache, CollectorRegistry())
            with monkeypatch.context() as patched, request(seen):
                patched.setattr(leader_connections, "POSITION", POSITION)
                patched.setattr(LeaderConnections, "seconds", PATIENT)
                began = time.monotonic()
                assert await cached.find_url(link_id) == OLD
                assert time.monotonic() - began < PATIENT / 2  # it did not wait for a leader
            assert await cache.get(f"l:{link_id}") is None
            await side.store.check()
            with pytest.raises(Unavailable):
                await side.store.find_url("0000000")
            with pytest.raises(Unavailable):
                await side.links.add(OLD)
            cache.close()

    run(scenario)


def test_over_http_the_token_travels_in_cookie_and_header(pair: Pair, redis_url: str) -> None:
    variables = {
        "LAB": "5",
        "DATABASE_URL": f"{pair.url}?target_session_attrs=read-write",
        "DATABASE_REPLICA_URL": f"{pair.url}?target_session_attrs=prefer-standby",
        "REDIS_URL": redis_url,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }
    with running_service(**variables) as (client, _), httpx.Client(base_url=client.base_url) as stranger:
        link = client.post("/links", json={"url": OLD}).json()
        pair.catch_up()
        with pair.held_back():
            changed = client.patch(f"/links/{link['id']}", json={"url": NEW})
            token = changed.headers["session-token"]
            assert parsed(token)
            assert client.cookies["session-token"] == token
            path = f"/links/{link['id']}"
            assert client.get(path).json()["url"] == NEW
            # A replica that is slow on a busy machine is left alone for a second; the leader shows what is new then.
            assert eventually(lambda: _shown(stranger, path) == OLD, within=PATIENT)
            assert _shown(stranger, path, token) == NEW
            assert eventually(lambda: _shown(stranger, path, "nonsense") == OLD, within=PATIENT)
            assert client.get("/links", params={"url": NEW}).json()["items"][0]["id"] == link["id"]
            followed = stranger.get(f"/{link['id']}")
            assert (followed.status_code, followed.headers["location"]) == (302, NEW)
            assert parsed(followed.headers["session-token"])
            assert stranger.get(path).json()["url"] == NEW  # by its cookie: it has seen the change
            assert client.get("/readyz").status_code == 200
            assert _read(client, r'database_reads_total\{server="replica"\} (\S+)') >= 2

            def fell_back() -> bool:
                assert client.get(path).json()["url"] == NEW
                return _read(client, r'database_reads_fallen_back_total\{why="behind"\} (\S+)') >= 1

            assert eventually(fell_back, within=PATIENT)


def _shown(client: httpx.Client, path: str, token: str = "") -> str:
    """The url that somebody is shown who has seen that much."""
    client.cookies.clear()
    url: str = client.get(path, headers={"Session-Token": token} if token else {}).json()["url"]
    client.cookies.clear()
    return url


def _read(client: httpx.Client, metric: str) -> float:
    return float(re.findall(metric, client.get("/metrics").text)[0])


def test_a_held_back_answer_does_not_hold_up_the_others(pair: Pair) -> None:
    """Reads with an old token are answered by the replica while others wait for it to catch up."""

    async def scenario() -> None:
        async with opened(pair.url, pair.url) as side:
            link_id, seen = await made(side)
            pair.catch_up()
            with pair.held_back():
                with request() as writer:
                    await side.links.change(link_id, NEW)

                async def read(asked: Position | None) -> str | None:
                    with request(asked):
                        return await side.store.find_url(link_id)

                before = side.reads_by("leader")
                answers = await asyncio.gather(*[read(asked) for asked in (seen, writer.seen) * 20])
                assert answers == [OLD, NEW] * 20
                assert side.reads_by("leader") - before == 20

    run(scenario)
