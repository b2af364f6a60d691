"""The outbox sends each change of a link in order, at least once, whoever is killed, and is empty then."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import orjson
import psycopg
import pytest
import redis

from checks.eventually import eventually
from checks.plugin.kafka_server import Offsets
from checks.unit.service.broker import Broker
from checks.unit.service.processes import Process, running_process
from shortener.lab3_cache_and_events.keys import LINK

URL = "https://example.com/"
ADD = "INSERT INTO outbox (link_id, event, url) VALUES (%s, %s, %s)"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'outbox'"
LOCK_HOLDERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"


@pytest.fixture
def variables(broker: Broker, events_url: str, redis_url: str) -> dict[str, str]:
    return {"KAFKA_BOOTSTRAP_SERVERS": broker.servers, "DATABASE_URL": events_url, "REDIS_URL": redis_url}


@pytest.fixture
def since(broker: Broker) -> Offsets:
    return broker.kafka.ends("links")


@pytest.fixture
def outbox(variables: dict[str, str], since: Offsets, tmp_path: Path) -> Iterator[Process]:
    with running_process("outbox", tmp_path, **variables) as process:
        yield process


def change(url: str, link_id: str, version: int, event: str = "changed") -> None:
    with psycopg.connect(url) as connection:
        connection.execute(ADD, (link_id, event, f"{URL}{version}"))


def has_more(broker: Broker, than: Offsets) -> bool:
    return broker.kafka.ends("links") != than


def is_empty(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def versions_by_link(broker: Broker, since: Offsets) -> dict[str, list[int]]:
    """Of each link, which version came first, second and so on; one that came again counts where it came first."""
    found: dict[str, list[int]] = defaultdict(list)
    for record in broker.kafka.records("links", since):
        event = orjson.loads(record.value or b"")
        assert event["link_id"].encode() == record.key
        version = int(event["url"].removeprefix(URL))
        if version not in found[event["link_id"]]:
            found[event["link_id"]].append(version)
    return found


def test_an_event_says_what_happened_and_leaves_the_outbox(
    outbox: Process, broker: Broker, events_url: str, since: Offsets
) -> None:
    change(events_url, "abcdefg", 1, "created")
    with psycopg.connect(events_url) as connection:
        connection.execute(ADD, ("abcdefg", "deleted", None))
    assert eventually(lambda: is_empty(events_url), within=60)
    events = [orjson.loads(record.value or b"") for record in broker.kafka.records("links", since)]
    told = [(event["event_id"], event["event"], event["link_id"], event["url"]) for event in events]
    assert told == [("1", "created", "abcdefg", f"{URL}1"), ("2", "deleted", "abcdefg", None)]
    assert all(event["at"].startswith("20") for event in events)
    assert outbox.stop() == 0


def test_killed_again_and_again_it_leaves_nothing_out_and_keeps_each_links_order(
    outbox: Process, broker: Broker, events_url: str, since: Offsets
) -> None:
    links = ["link00a", "link00b", "link00c"]

    def change_them() -> None:
        with psycopg.connect(events_url, autocommit=True) as connection:
            for version in range(1_000):
                for link_id in links:
                    connection.execute(ADD, (link_id, "changed", f"{URL}{version}"))

    writer = threading.Thread(target=change_them)
    writer.start()
    for _ in range(4):
        eventually(partial(has_more, broker, broker.kafka.ends("links")), within=20, every=0.01)
        outbox.kill()
        outbox.start()
    writer.join()
    assert eventually(lambda: is_empty(events_url), within=60)
    assert versions_by_link(broker, since) == {link_id: list(range(1_000)) for link_id in links}


def test_an_event_committed_late_with_a_smaller_id_is_not_left_out(
    outbox: Process, broker: Broker, events_url: str, since: Offsets
) -> None:
    with psycopg.connect(events_url) as late:
        late.execute(ADD, ("late000", "created", f"{URL}0"))
        change(events_url, "early00", 0)
        assert eventually(lambda: is_empty(events_url), within=60)
    assert eventually(lambda: "late000" in versions_by_link(broker, since), within=60)
    assert set(versions_by_link(broker, since)) == {"late000", "early00"}


def test_two_relays_take_turns_and_the_second_goes_on_when_the_first_is_killed(
    outbox: Process, variables: dict[str, str], events_url: str, tmp_path: Path
) -> None:
    change(events_url, "abcdefg", 0)
    assert eventually(lambda: is_empty(events_url), within=60)
    with running_process("outbox", tmp_path, **variables), psycopg.connect(events_url, autocommit=True) as admin:
        assert eventually(lambda: admin.execute(SESSIONS).fetchone() == (2,), within=60)
        assert admin.execute(LOCK_HOLDERS).fetchone() == (1,)
        outbox.kill()
        change(events_url, "abcdefg", 1)
        assert eventually(lambda: is_empty(events_url), within=60)


def test_redis_forgets_what_changed_before_the_event_is_gone(outbox: Process, events_url: str, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for link_id in ("changed", "deleted", "created"):
            client.set(LINK + link_id, "stale")
        for link_id in ("changed", "deleted", "created"):
            change(events_url, link_id, 0, event=link_id)
        assert eventually(lambda: is_empty(events_url), within=60)
        assert client.keys(LINK + "*") == [b"l:created"]


def test_without_redis_events_are_sent_once_and_wait_to_be_forgotten(
    variables: dict[str, str], broker: Broker, events_url: str, since: Offsets, tmp_path: Path
) -> None:
    with running_process("outbox", tmp_path, **{**variables, "REDIS_URL": "redis://:lab@127.0.0.1:1/0"}) as outbox:
        change(events_url, "changed", 0)
        for version in range(5):
            change(events_url, "created", version, "created")
        assert eventually(lambda: len(broker.kafka.records("links", since)) == 6, within=60)
        with psycopg.connect(events_url, autocommit=True) as admin:
            left = "SELECT link_id FROM outbox"
            assert eventually(lambda: admin.execute(left).fetchall() == [("changed",)], within=20)
        assert len(broker.kafka.records("links", since)) == 6
        assert "Redis forgets changed links later" in outbox.log()
        assert outbox.stop() == 0
        assert ":lab@" not in outbox.log()


def test_a_broker_that_was_killed_gets_all_when_it_is_back(
    outbox: Process, broker: Broker, events_url: str, since: Offsets
) -> None:
    change(events_url, "abcdefg", 0)
    assert eventually(lambda: is_empty(events_url), within=60)
    broker.kill()
    change(events_url, "abcdefg", 1)
    broker.start()
    change(events_url, "abcdefg", 2)
    assert eventually(lambda: is_empty(events_url), within=60)
    assert versions_by_link(broker, since) == {"abcdefg": [0, 1, 2]}


def test_old_idempotency_keys_are_removed(outbox: Process, events_url: str) -> None:
    with psycopg.connect(events_url, autocommit=True) as admin:
        add = "INSERT INTO idempotency_keys (key, url, link_id, created_at) VALUES (%s, '', '', now() - %s::interval)"
        admin.execute(add, ("old", "25 hours"))
        admin.execute(add, ("young", "23 hours"))
        outbox.kill()
        outbox.start()
        left = "SELECT key FROM idempotency_keys"
        assert eventually(lambda: admin.execute(left).fetchall() == [("young",)], within=60)
