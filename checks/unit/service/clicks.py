"""Click events for the tests: made, put into Kafka, and found again as counts."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable

import orjson
import psycopg
from confluent_kafka import Producer

from checks.unit.service.broker import Broker
from shortener.lab3_cache_and_events.kafka_client import producer_settings

_numbers = itertools.count()

LINKS = [f"link{number:03}" for number in range(200)]


def click(link_id: object) -> bytes:
    event = {"event_id": f"test-{next(_numbers)}", "link_id": link_id, "at": "2026-11-22T17:00:00.000+00:00"}
    return orjson.dumps(event)


def some_links(count: int, seed: int = 0) -> list[str]:
    """The first ones far more often than the last ones."""
    weights = [1 / (place + 1) for place in range(len(LINKS))]
    return random.Random(seed).choices(LINKS, weights, k=count)


def clicks_on(links: Iterable[str]) -> list[bytes]:
    return [click(link_id) for link_id in links]


def put(broker: Broker, topic: str, values: Iterable[bytes | None], partition: int = -1) -> None:
    """Returns once the broker has them."""
    producer = Producer(producer_settings(broker.servers))
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(60) == 0


def counted(url: str) -> Counter[str]:
    """What the worker has counted in that database."""
    with psycopg.connect(url) as connection:
        return Counter(dict(connection.execute("SELECT link_id, clicks FROM click_counts").fetchall()))
