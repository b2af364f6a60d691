"""How much room one link takes in the servers: asked of Postgres, Redis and Kafka themselves. Lab 4."""

from __future__ import annotations

import contextlib

import psycopg
import redis
from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.errors import LabError
from infra.experiment.lag import bootstrap
from infra.runtime.protocol import Runtime
from labs.lab2_postgres.database import connect, database_url
from labs.lab3_cache_and_events.servers import redis_of
from labs.lab4_many_copies.new_links import url_of, word

_ROWS = 20_000
_SHORT, _LONG = 50, 250  # bytes of the urls in two tables; far apart, so that half-full pages matter little
_PATIENCE = 3.0  # seconds for Kafka


def row_bytes(stage: Runtime) -> tuple[float, float]:
    """Bytes of a link in Postgres with its indexes, without its url; and those that each byte of its url takes.

    Told from two temporary tables made like `links`, for a table in use has room to spare and pages half empty. They
    are gone with the connection. Raises LabError when they cannot be filled."""
    with contextlib.closing(connect(database_url(stage), "lab capacity")) as connection:
        try:
            short, long = (_bytes_of_a_row(connection, size) for size in (_SHORT, _LONG))
        except psycopg.Error as error:
            raise LabError(f"no table like `links` could be filled ({str(error).splitlines()[0]})") from error
    slope = (long - short) / (_LONG - _SHORT)
    return short - slope * _SHORT, slope


def _bytes_of_a_row(connection: psycopg.Connection, url_size: int) -> float:
    """The ids come in random order, as the service makes them: so its indexes are as full as they are in life. By
    INSERT, for COPY makes a table longer by many pages at once."""
    table = f"lab_capacity_{url_size}"
    connection.execute(f"CREATE TEMPORARY TABLE {table} (LIKE links INCLUDING ALL)".encode())
    links = [word(7) for _ in range(_ROWS)], [url_of(url_size) for _ in range(_ROWS)]
    connection.execute(f"INSERT INTO {table} (id, url) SELECT * FROM unnest(%s::text[], %s::text[])".encode(), links)
    row = connection.execute(b"SELECT pg_total_relation_size(%s)", (table,)).fetchone()
    assert row is not None
    return float(row[0]) / _ROWS


def entry_bytes(stage: Runtime, link_id: str, url_size: int) -> float:
    """Bytes of that link in Redis, without its url, as Redis counts them. The room in its table of keys comes on top.

    Raises LabError when no key has that id in its name."""
    with redis_of(stage) as client:
        try:
            key = next(client.scan_iter(match=f"*{link_id}*", count=1000), None)
            used = client.memory_usage(key) if key is not None else None
        except redis.RedisError as error:
            raise LabError(f"Redis did not say ({error})") from error
    if used is None:
        raise LabError("no key in Redis names a link that was just followed")
    return float(used) - url_size


def event_bytes(stage: Runtime) -> float:
    """Bytes of the newest click in the topic. Raises LabError when there is none."""
    settings = {"bootstrap.servers": bootstrap(stage), "group.id": "lab-capacity", "enable.auto.commit": False}
    consumer = Consumer(settings | {"log_level": 0, "error_cb": lambda error: None})
    try:
        known = consumer.list_topics("clicks", timeout=_PATIENCE).topics["clicks"].partitions
        for number in known:
            first, end = consumer.get_watermark_offsets(TopicPartition("clicks", number), timeout=_PATIENCE)
            if end > first:
                consumer.assign([TopicPartition("clicks", number, end - 1)])
                message = consumer.poll(_PATIENCE)
                if message is not None and message.error() is None:
                    return float(len(message.value() or b"") + len(message.key() or b""))
    except (KafkaException, KeyError, TypeError) as error:  # TypeError: no watermarks came in time
        raise LabError("Kafka did not say") from error
    finally:
        consumer.close()
    raise LabError("there is no click in Kafka")
