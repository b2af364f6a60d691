"""The election on real servers: each lease goes to one at a time with a greater token, and the fence holds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from checks.eventually import eventually
from checks.unit.etcd import running_etcd
from checks.unit.native import free_port
from infra.project import ROOT
from labs.lab5_failover.election.storage import Storage
from shortener.lab2_postgres.migrate import migrate
from shortener.lab3_cache_and_events.database import Database
from shortener.lab3_cache_and_events.process import Stopping
from shortener.lab3_cache_and_events.redis_client import redis_client
from shortener.lab5_failover import sweeper
from shortener.lab5_failover.election.etcd_gateway import EtcdGateway
from shortener.lab5_failover.election.etcd_lease import EtcdLease
from shortener.lab5_failover.election.lease import Lease, LeaseAway
from shortener.lab5_failover.election.redis_lease import RedisLease
from shortener.lab5_failover.election.sweeps import Refused, Sweeps
from shortener.lab5_failover.migrate import VERSIONS

Node = Callable[[str, float], Lease]
NOBODY = "127.0.0.1:1"
# Seconds of a lease: one that no busy machine outlasts, and one whose end is awaited (etcd gives 2 s at least).
LONG, SHORT = 30.0, 1.0


@pytest.fixture(scope="module")
def etcd_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_etcd(tmp_path_factory.mktemp("etcd")) as url:
        yield url


@pytest.fixture
def sweeps_url(empty_url: str) -> str:
    """A database of the test's own, with lab 5's schema."""
    migrate(empty_url, versions=VERSIONS)
    return empty_url


@pytest.fixture(params=["redis", "etcd"])
def node(request: pytest.FixtureRequest) -> Node:
    """Makes a node's lease, of so many seconds."""
    url = request.getfixturevalue(f"{request.param}_url")
    if request.param == "redis":
        return lambda name, seconds: RedisLease(redis_client(url), seconds, name)
    return lambda name, seconds: EtcdLease(EtcdGateway(url), seconds, name)


@pytest.fixture
def sweeps(sweeps_url: str) -> Iterator[Callable[..., Sweeps]]:
    """Makes a node's access to the storage."""
    databases: list[Database] = []

    def make(name: str, *, fenced: bool) -> Sweeps:
        databases.append(Database(sweeps_url, name))
        return Sweeps(databases[-1], name, fenced=fenced)

    yield make
    for database in databases:
        database.connection().close()


def test_one_at_a_time_has_the_lease_and_each_term_a_greater_token(node: Node) -> None:
    first, second, brief = node("first", LONG), node("second", LONG), node("brief", SHORT)
    tokens = [first.acquire()]
    assert tokens[0]
    assert second.acquire() is None
    assert first.renew()
    first.release()
    assert not first.renew()

    tokens.append(second.acquire())
    assert first.acquire() is None
    first.release()  # it is not its own: nothing happens
    assert second.renew()
    second.release()

    tokens.append(brief.acquire())
    brief.renew()  # on a busy machine it may be too late for that; a renewed lease ends as well
    tokens.append(eventually(first.acquire, within=20))  # the brief one says nothing any more
    assert not brief.renew()
    brief.release()
    assert first.renew()
    terms = [token for token in tokens if token]
    assert len(terms) == 4
    assert terms == sorted(set(terms))
    first.release()


def test_nobody_there_is_told_as_such() -> None:
    for lease in (
        RedisLease(redis_client(f"redis://:hush@{NOBODY}/0"), 1, "a"),
        EtcdLease(EtcdGateway(f"http://{NOBODY}"), 1, "a"),
    ):
        for ask in (lease.acquire, lease.renew, lease.release):
            with pytest.raises(LeaseAway) as told:
                ask()
            assert "hush" not in str(told.value)


def test_what_is_no_etcd_is_told_as_such(etcd_url: str) -> None:
    with pytest.raises(LeaseAway, match="404"):
        EtcdGateway(etcd_url)._ask("no/such/thing", {})


def test_the_fence_refuses_an_older_token_with_all_that_came_with_it(
    sweeps_url: str, sweeps: Callable[..., Sweeps]
) -> None:
    old, new = sweeps("old", fenced=True), sweeps("new", fenced=True)
    with psycopg.connect(sweeps_url, autocommit=True) as connection:
        connection.execute("INSERT INTO links (id, url, expires_at) VALUES ('gone', 'https://a', now())")
        connection.execute("INSERT INTO links (id, url) VALUES ('stays', 'https://a')")
        assert old.expired() == ["gone"]
        old.take_office(4)
        old.write(4, [])
        new.take_office(5)  # before it reads: from here on the old one writes nothing
        with pytest.raises(Refused):
            old.write(4, ["gone"])
        with pytest.raises(Refused):
            old.take_office(4)
        assert new.expired() == ["gone"]
        new.write(5, ["gone"])
        rows = connection.execute("SELECT node, token, links FROM sweeps ORDER BY id").fetchall()
        links = connection.execute("SELECT id FROM links").fetchall()
    assert rows == [("old", 4, 0), ("new", 5, 1)]
    assert links == [("stays",)]


def test_a_redis_that_has_lost_its_memory_gives_no_second_leader_the_token_of_one_that_was_paused(
    sweeps: Callable[..., Sweeps], redis_url: str
) -> None:
    paused, next_one = sweeps("paused", fenced=True), sweeps("next", fenced=True)
    old, new = (RedisLease(redis_client(redis_url), 30, name) for name in ("paused", "next"))
    token = old.acquire()
    assert token
    paused.take_office(token)
    paused.write(token, [])
    redis_client(redis_url).flushall()  # as after a restart: no lease, no counter
    assert new.acquire() == token
    with pytest.raises(Refused):
        next_one.take_office(token)
    new.release()
    greater = new.acquire()
    assert greater
    next_one.take_office(greater)
    with pytest.raises(Refused):
        paused.write(token, [])


def test_who_took_office_and_was_not_told_so_leads_in_a_new_term(
    node: Node, sweeps: Callable[..., Sweeps], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sweeper, "WORK_SECONDS", 0.0)
    monkeypatch.setattr(sweeper, "PAUSE_SECONDS", 0.0)
    storage, answers = sweeps("a", fenced=True), [psycopg.OperationalError("no answer to the commit")]
    take_office = storage.take_office

    def take_office_unheard(token: int) -> None:
        take_office(token)
        if answers:
            raise answers.pop()

    monkeypatch.setattr(storage, "take_office", take_office_unheard)
    one = sweeper.Sweeper("a", node("a", LONG), storage, CollectorRegistry(), Stopping())
    for _ in range(4):
        one.sweep()
    one.leave()
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == [
        *("leads", "refused", "follows"),
        *("leads", "swept", "swept", "follows"),
    ]
    assert events[0]["token"] < events[3]["token"]


def test_of_two_who_write_at_once_the_older_one_waits_and_is_refused(
    sweeps_url: str, sweeps: Callable[..., Sweeps]
) -> None:
    old = sweeps("old", fenced=True)
    old.take_office(4)
    with psycopg.connect(sweeps_url) as newer, ThreadPoolExecutor(1) as pool:
        newer.execute("UPDATE fences SET token = 5")  # not committed yet
        late = pool.submit(old.write, 4, [])
        assert eventually(lambda: _waits(sweeps_url), within=20)
        newer.commit()
        with pytest.raises(Refused):
            late.result(20)


def _waits(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return bool(row and row[0])


def test_without_the_fence_a_stale_write_is_accepted_and_can_be_seen(
    sweeps_url: str, sweeps: Callable[..., Sweeps]
) -> None:
    old, new = sweeps("old", fenced=False), sweeps("new", fenced=False)
    for node, token in ((old, 4), (new, 5), (old, 4)):
        node.take_office(token)
        node.write(token, [])
    with psycopg.connect(sweeps_url) as connection:
        assert connection.execute("SELECT token FROM sweeps ORDER BY id").fetchall() == [(4,), (5,), (4,)]


def test_the_lesson_sees_what_is_stale_and_renews_no_link_that_is_just_being_deleted(
    sweeps_url: str, sweeps: Callable[..., Sweeps]
) -> None:
    with psycopg.connect(sweeps_url, autocommit=True) as connection, psycopg.connect(sweeps_url) as frozen:
        storage = Storage(connection)
        free, locked = storage.put_expired(2)
        frozen.execute("DELETE FROM links WHERE id = %s", (locked,))
        assert storage.renew([free, locked]) == [free]
        frozen.commit()
        assert storage.gone([free, locked]) == 1
        for token in (4, 5, 4):
            sweeps("a", fenced=False).write(token, [])
        assert [one.stale for one in storage.rounds()] == [False, False, True]
        storage.begin()
        assert storage.rounds() == []


def test_the_process_leads_sweeps_and_gives_its_lease_back_when_it_is_told_to_stop(
    sweeps_url: str, redis_url: str, tmp_path: Path
) -> None:
    variables = {"NODE": "sweeper-1", "DATABASE_URL": sweeps_url, "REDIS_URL": redis_url, "ELECTION": "redis"}
    words = [sys.executable, "-m", "shortener.lab5_failover.sweeper"]
    environment = {**variables, "PATH": "/usr/bin:/bin", "PORT": str(free_port()), "FENCED": "yes", "LEASE": "30"}
    with psycopg.connect(sweeps_url, autocommit=True) as connection:
        connection.execute("INSERT INTO links (id, url, expires_at) VALUES ('gone', 'https://a', now())")
        with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as child:
            try:
                swept = lambda: not connection.execute("SELECT 1 FROM links").fetchall()  # noqa: E731
                assert eventually(swept, within=30)
            finally:
                child.terminate()
                said, _ = child.communicate(timeout=20)
    assert child.returncode == 0
    events = [json.loads(line) for line in said.splitlines()]
    assert [event["event"] for event in events][:2] == ["leads", "swept"]
    assert events[-1]["why"] == "it was told to stop"
    assert sum(event.get("links", 0) for event in events) == 1
    assert redis_client(redis_url).keys("leader:sweep") == []
