"""What the checks read in Kafka, on a real one: records, ends, the lag of a group; no hang when nobody answers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer

from checks.plugin import kafka_server
from checks.plugin.kafka_server import Kafka
from checks.unit.kafka import running_kafka
from infra.errors import LabError


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    with running_kafka(tmp_path_factory.mktemp("kafka")) as (address, _):
        host, port = address.split(":")
        yield Kafka(host, int(port))


def test_what_was_put_is_read_byte_for_byte_from_there_on(kafka: Kafka) -> None:
    kafka.put("links", [b"before"])
    since = kafka.ends("links")
    values = [b"", None, b"\xff\x00", b"{}"]
    kafka.put("links", values, partition=1, key=b"k")
    records = kafka.records("links", since)
    assert [record.value for record in records] == values
    assert {(record.partition, record.key) for record in records} == {(1, b"k")}
    assert kafka.records("links", kafka.ends("links")) == []
    assert len(kafka.records("links")) == 5


def test_the_lag_of_a_group_is_what_it_has_not_committed(kafka: Kafka) -> None:
    assert kafka.lags("clicks") == {}
    kafka.put("clicks", [b"x"] * 7, partition=2)
    settings = {"bootstrap.servers": kafka.address, "group.id": "worker", "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "enable.auto.commit": False})
    consumer.subscribe(["clicks"])
    deadline = time.monotonic() + 20
    while not (messages := consumer.consume(1, 0.2)):
        assert time.monotonic() < deadline
    consumer.commit(message=messages[0], asynchronous=False)
    assert kafka.lags("clicks") == {"worker": 6}
    consumer.close()
    kafka.put("clicks", [b"x"] * 3)
    assert kafka.lags("clicks") == {"worker": 9}


def test_a_topic_that_is_not_there_is_told(kafka: Kafka) -> None:
    with pytest.raises(LabError, match="has no topic nothing"):
        kafka.ends("nothing")


def test_a_broker_that_is_not_there_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_server, "SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(LabError, match="does not answer"):
        Kafka("127.0.0.1", 9).ends("clicks")
    with pytest.raises(LabError, match="did not take 1 records"):
        Kafka("127.0.0.1", 9).put("clicks", [b"x"])
    assert time.monotonic() - began < 10
