"""The audit log holds each event of a link once, however often it comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
import pytest

from checks.eventually import eventually
from checks.unit.service.broker import Broker
from checks.unit.service.clicks import put
from checks.unit.service.processes import Process, running_process
from shortener.lab3_cache_and_events.audit import row

AT = "2026-11-22T17:00:00.123456+00:00"
ALL = "SELECT event_id, link_id, event, url, at::text FROM audit_log ORDER BY event_id"


def event(number: int, **changes: object) -> bytes:
    made = {"event_id": f"test-{number:05}", "event": "changed", "link_id": "abcdefg", "url": "https://example.com"}
    return orjson.dumps({**made, "at": AT, **changes})


@pytest.fixture
def audit(broker: Broker, events_url: str, tmp_path: Path) -> Iterator[Process]:
    variables = {"KAFKA_BOOTSTRAP_SERVERS": broker.servers, "DATABASE_URL": events_url}
    with running_process("audit", tmp_path, **variables) as process:
        yield process


def logged(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [number for number, *_ in connection.execute(ALL).fetchall() if number.startswith("test-")]


def test_each_event_is_there_once_and_what_is_none_is_left_out(audit: Process, broker: Broker, events_url: str) -> None:
    put(broker, "links", [event(1), b"poison", event(2, event="deleted", url=None), event(1), None, event(3)])
    assert eventually(lambda: len(logged(events_url)) == 3, within=60)
    assert eventually(lambda: broker.kafka.lags("links").get("audit") == 0, within=20)
    assert audit.stop() == 0
    assert logged(events_url) == ["test-00001", "test-00002", "test-00003"]
    assert audit.log().count("is left out") == 2


def test_killed_again_and_again_it_leaves_nothing_out(audit: Process, broker: Broker, events_url: str) -> None:
    for kill in range(3):
        put(broker, "links", [event(number) for number in range(1_000 * kill, 1_000 * (kill + 1))])
        audit.kill()
        audit.start()
    assert eventually(lambda: len(logged(events_url)) >= 3_000, within=60)
    assert logged(events_url) == [f"test-{number:05}" for number in range(3_000)]


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", b"{}", event(1, at="today"), event(1, url=7), event(1, link_id=None), event(1, event="a\0b")],
)
def test_what_is_no_event_of_a_link_is_told(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any: json's own too
        row(value)
