"""The worker counts each click once, whoever is killed, paused or restarted meanwhile, and sets aside what is none."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest
from confluent_kafka import Consumer

from checks.eventually import eventually
from checks.plugin.kafka_server import Offsets
from checks.unit.service.broker import Broker
from checks.unit.service.clicks import click, clicks_on, counted, put, some_links
from checks.unit.service.processes import Process, running_process

BEGIN = "INSERT INTO consumed (consumer, topic, partition, next_offset) VALUES ('worker', 'clicks', %s, %s)"
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'worker'"


@pytest.fixture
def since(broker: Broker, events_url: str) -> Offsets:
    """Where the log ends: the worker begins there, for what lies before it is of other tests."""
    return begin_at_the_end(broker, events_url)


def begin_at_the_end(broker: Broker, url: str) -> Offsets:
    ends = broker.kafka.ends("clicks")
    with psycopg.connect(url) as connection:
        for partition, end in ends.items():
            connection.execute(BEGIN, (partition, end))
    return ends


@pytest.fixture
def variables(broker: Broker, events_url: str, since: Offsets) -> dict[str, str]:
    return {"KAFKA_BOOTSTRAP_SERVERS": broker.servers, "DATABASE_URL": events_url, "CLICK_BATCH": "500"}


@pytest.fixture
def worker(variables: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    with running_process("worker", tmp_path, **variables) as worker:
        yield worker


def expect_counts(url: str, links: list[str]) -> None:
    """Exactly these: they come to that, and stay there."""
    eventually(lambda: is_counted(url, len(links)), within=60)
    assert counted(url) == Counter(links)


def is_counted(url: str, clicks: int) -> bool:
    return counted(url).total() >= clicks


def test_clicks_are_counted_and_the_lag_can_be_read(worker: Process, broker: Broker, events_url: str) -> None:
    links = some_links(3_000)
    put(broker, "clicks", clicks_on(links))
    expect_counts(events_url, links)
    assert eventually(lambda: broker.kafka.lags("clicks").get("worker") == 0, within=20)

    def metrics() -> str:
        with urlopen(f"http://127.0.0.1:{worker.port}/metrics") as answer:
            return str(answer.read().decode())

    assert "consumed_events_total 3000.0" in metrics()
    assert eventually(lambda: metrics().count('consumer_lag{partition="') == 3, within=20)
    assert worker.stop() == 0


def test_killed_in_the_middle_again_and_again_it_counts_each_click_once(
    worker: Process, broker: Broker, events_url: str
) -> None:
    links: list[str] = []
    for kill in range(5):
        more = some_links(20_000, seed=kill)
        links += more
        put(broker, "clicks", clicks_on(more))
        started = len(links) - len(more) + 1
        assert eventually(partial(is_counted, events_url, started), within=60, every=0.01)
        worker.kill()
        assert counted(events_url).total() < len(links), "the kill came too late to prove anything"
        worker.start()
    expect_counts(events_url, links)


def test_one_that_was_paused_while_another_took_over_counts_nothing_twice(
    worker: Process, variables: dict[str, str], broker: Broker, events_url: str, tmp_path: Path
) -> None:
    links = some_links(40_000)
    put(broker, "clicks", clicks_on(links))
    assert eventually(lambda: is_counted(events_url, 1), within=60, every=0.01)
    worker.pause()
    assert counted(events_url).total() < len(links), "the pause came too late to prove anything"
    with running_process("worker", tmp_path, **variables) as other:
        expect_counts(events_url, links)
        worker.resume()
        more = some_links(2_000, seed=1)
        put(broker, "clicks", clicks_on(more))
        expect_counts(events_url, links + more)
        assert [each.stop() for each in (worker, other)] == [0, 0]
    assert counted(events_url) == Counter(links + more)


def test_two_share_the_work_and_one_goes_on_alone(
    worker: Process, variables: dict[str, str], broker: Broker, events_url: str, tmp_path: Path
) -> None:
    links: list[str] = []

    def put_more(count: int) -> None:
        more = some_links(count, seed=len(links))
        links.extend(more)
        put(broker, "clicks", clicks_on(more))

    put_more(10_000)
    with running_process("worker", tmp_path, **variables) as other:
        put_more(10_000)
        expect_counts(events_url, links)
        put_more(10_000)
        other.kill()
        put_more(10_000)
        expect_counts(events_url, links)


@pytest.mark.parametrize("noticed_by", ["commit", "heartbeat"])
def test_one_whose_name_another_took_joins_anew(
    worker: Process, broker: Broker, events_url: str, noticed_by: str
) -> None:
    """Its next commit or heartbeat is refused as another member's, which ends its client for good."""

    def is_refused() -> bool:
        return eventually(lambda: "fenced" in worker.log(), within=30)

    links = some_links(2_000)
    put(broker, "clicks", clicks_on(links))
    expect_counts(events_url, links)
    name = {"group.id": "worker", "group.instance.id": f"{socket.gethostname()}-{worker.port}"}
    other = Consumer({"bootstrap.servers": broker.servers, **name})
    other.subscribe(["clicks"])
    assert eventually(lambda: other.poll(0.1) is not None or bool(other.assignment()), within=60, every=0)
    other.close()
    assert noticed_by == "commit" or is_refused()
    for seed in (1, 2):
        more = some_links(2_000, seed=seed)
        put(broker, "clicks", clicks_on(more))
        links += more
        expect_counts(events_url, links)
        assert is_refused()
    assert worker.stop() == 0


def test_poison_is_set_aside_with_its_reason_and_the_others_are_counted(
    worker: Process, broker: Broker, events_url: str, since: Offsets
) -> None:
    poison = {
        b"": "not JSON",
        b"{": "not JSON",
        b"\xff\xfe": "not JSON",
        b"[]": "not a JSON object",
        b"7": "not a JSON object",
        b'{"event_id":"1"}': "no link_id",
        click(7): "not the id",
        click(None): "not the id",
        click({"id": "abc"}): "not the id",
        click("short"): "not the id",
        click("healthz"): "not the id",
        click("ab\0cdef"): "not the id",
        click("x" * 100_000): "more than 4,096 bytes",
        b'{"event_id":"1"},{"event_id":"2","link_id":"abcdefg"}': "not JSON",
    }
    dead_before = broker.kafka.ends("clicks.dead")
    for value in (*poison, None):
        put(broker, "clicks", [click("good000"), value, click("good001")], partition=1)
    rounds = len(poison) + 1
    expect_counts(events_url, ["good000", "good001"] * rounds)
    dead = broker.kafka.records("clicks.dead", dead_before)
    assert {record.value or b"" for record in dead} == set(poison)
    for record in dead:
        reason = "no value" if record.value is None else poison[record.value]
        assert reason.encode() in record.headers["reason"]
    places = [(record.headers["topic"], record.headers["partition"], record.headers["offset"]) for record in dead]
    assert places == [(b"clicks", b"1", b"%d" % (since[1] + 3 * at + 1)) for at in range(rounds)]
    assert worker.is_running()


def test_sessions_that_the_database_ends_lose_and_double_nothing(
    worker: Process, broker: Broker, events_url: str
) -> None:
    links = some_links(40_000)
    put(broker, "clicks", clicks_on(links))
    ended = 0
    with psycopg.connect(events_url, autocommit=True) as admin:
        while ended < 10 and counted(events_url).total() < len(links):
            ended += len(admin.execute(END_SESSIONS).fetchall())
    assert ended >= 3
    expect_counts(events_url, links)
    assert worker.is_running()


def test_a_broker_that_was_killed_and_is_back_is_followed_again(
    worker: Process, broker: Broker, events_url: str
) -> None:
    links = some_links(20_000)
    put(broker, "clicks", clicks_on(links))
    assert eventually(lambda: is_counted(events_url, 1), within=60, every=0.01)
    broker.kill()
    broker.start()
    expect_counts(events_url, links)
    more = some_links(1_000)
    put(broker, "clicks", clicks_on(more))
    expect_counts(events_url, links + more)
    assert worker.stop() == 0


def test_told_to_stop_while_the_database_hangs_it_ends_in_time_and_nothing_is_lost(
    worker: Process, broker: Broker, events_url: str
) -> None:
    links = some_links(3_000)
    with psycopg.connect(events_url) as admin:
        admin.execute("LOCK TABLE click_counts")
        put(broker, "clicks", clicks_on(links))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        assert eventually(lambda: admin.execute(waiting).fetchone() == (1,), within=60)
        assert worker.stop() == 0
    worker.start()
    expect_counts(events_url, links)
