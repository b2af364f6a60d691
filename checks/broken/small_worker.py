"""A worker of a few lines, for twins whose worker makes a mistake of its own: the rest of the service is the kit's."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import psycopg
from confluent_kafka import Consumer, Message, Producer

Handle = Callable[[Consumer, list[Message]], None]
ADD = (
    "INSERT INTO click_counts (link_id, clicks) VALUES (%s, %s)"
    " ON CONFLICT (link_id) DO UPDATE SET clicks = click_counts.clicks + excluded.clicks"
)
SETTINGS: dict[str, str | int | bool] = {
    "group.id": "worker",
    "group.instance.id": "worker",  # started again it takes its seat at once
    "session.timeout.ms": 6000,
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "reconnect.backoff.max.ms": 500,
    "log_level": 0,
}


def follow(handle: Handle, seconds: float = 0.1, **settings: str | int | bool) -> None:
    """Hand each batch of clicks to `handle`, for ever; a batch is what has come in so many seconds."""
    named = {name.replace("_", "."): value for name, value in settings.items()}
    consumer = Consumer({**SETTINGS, "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], **named})
    consumer.subscribe(["clicks"])
    while True:
        messages = [message for message in consumer.consume(10_000, seconds) if message.error() is None]
        if messages:
            handle(consumer, messages)


def links_of(messages: Iterable[Message]) -> Counter[str]:
    """How often each link was clicked. Raises ValueError, TypeError or KeyError for poison."""
    return Counter(link_of(message) for message in messages)


def link_of(message: Message) -> str:
    return str(json.loads(message.value() or b"")["link_id"])


def add(counts: Mapping[str, int]) -> None:
    """Add to the counts in Postgres, in one transaction. Raises psycopg.Error."""
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=2) as connection:
        connection.cursor().executemany(ADD, sorted(counts.items()))


def insist(write: Callable[[], None]) -> None:
    """Until it is done."""
    while True:
        try:
            return write()
        except psycopg.OperationalError:
            continue


def producer() -> Producer:
    return Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "log_level": 0})
