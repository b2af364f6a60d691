"""`python -m shortener.lab3_cache_and_events.outbox`: sends the events that transactions left in Postgres. Lab 3.

At least once, and in order for each link: what was sent is deleted, and who dies in between sends it again."""

import logging
import os
import time
from typing import Any

import orjson
import psycopg
import redis
from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry, Counter
from psycopg.rows import TupleRow

from shortener.lab3_cache_and_events.database import Database
from shortener.lab3_cache_and_events.delivery import Delivery, Record, Undelivered
from shortener.lab3_cache_and_events.idempotency import expire
from shortener.lab3_cache_and_events.kafka_client import LINKS
from shortener.lab3_cache_and_events.keys import LINK
from shortener.lab3_cache_and_events.process import Stopping, first_line, run
from shortener.lab3_cache_and_events.redis_client import redis_client

log = logging.getLogger(__name__)

PROCESS = "outbox"
MOST = 1_000  # events at once
IDLE_SECONDS = 0.1
EXPIRE_SECONDS = 60.0

LOCK = "SELECT pg_try_advisory_lock(7263003)"  # a number of our own, held until the connection ends
NEXT = "SELECT id, link_id, event, url, at FROM outbox WHERE id <> ALL (%s) ORDER BY id LIMIT %s"
DELETE = "DELETE FROM outbox WHERE id = ANY (%s)"  # by their ids: a smaller one may be committed later


class Relay:
    """One at a time has the turn; a second one waits until Postgres sees that the first is gone."""

    def __init__(
        self, database: Database, delivery: Delivery, cache: "redis.Redis", metrics: CollectorRegistry
    ) -> None:
        self._database, self._delivery, self._cache = database, delivery, cache
        self._relayed = Counter("outbox_relayed", "Events that Kafka took.", registry=metrics)
        self._has_turn_on: psycopg.Connection[TupleRow] | None = None
        self._stale: dict[int, str] = {}  # links of sent events that Redis has yet to forget, by the event's id
        self._redis_is_away = False
        self._next_expiry = 0.0

    def relay(self) -> int:
        """How many events it sent. Raises psycopg.Error, Undelivered or KafkaException: then some may be sent again."""
        connection = self._database.connection()
        if not self._has_turn(connection):
            return 0
        rows = connection.execute(NEXT, (list(self._stale), MOST)).fetchall()
        self._delivery.deliver(LINKS, map(_record, rows))
        self._relayed.inc(len(rows))
        done = [number for number, _, event, *_ in rows if event == "created"]
        self._stale |= {number: link_id for number, link_id, event, *_ in rows if event != "created"}
        done += self._forget()
        if done:
            connection.execute(DELETE, (done,))
        self._expire_keys(connection)
        return len(rows)

    def _has_turn(self, connection: psycopg.Connection[TupleRow]) -> bool:
        if self._has_turn_on is not connection:
            taken = connection.execute(LOCK).fetchone()
            self._has_turn_on = connection if taken and taken[0] else None
        return self._has_turn_on is connection

    def _forget(self) -> list[int]:
        """The events whose links Redis has forgotten by now. The service has told it already, unless it died before."""
        if not self._stale:
            return []
        try:
            self._cache.unlink(*{LINK + link_id for link_id in self._stale.values()})
        except (redis.RedisError, OSError) as error:
            if not self._redis_is_away:
                log.warning("Redis forgets changed links later: %s", first_line(error))
            self._redis_is_away = True
            return []
        self._redis_is_away = False
        forgotten, self._stale = list(self._stale), {}
        return forgotten

    def _expire_keys(self, connection: psycopg.Connection[TupleRow]) -> None:
        if time.monotonic() >= self._next_expiry:
            expire(connection)
            self._next_expiry = time.monotonic() + EXPIRE_SECONDS


def _record(row: tuple[Any, ...]) -> Record:
    number, link_id, event, url, at = row
    value = {"event_id": str(number), "event": event, "link_id": link_id, "url": url, "at": at}
    return Record(orjson.dumps(value), key=link_id)


def main(metrics: CollectorRegistry, stopping: Stopping) -> None:
    database = Database(os.environ["DATABASE_URL"], PROCESS)
    delivery = Delivery(os.environ["KAFKA_BOOTSTRAP_SERVERS"], stopping)
    relay = Relay(database, delivery, redis_client(os.environ["REDIS_URL"]), metrics)
    while not stopping.requested:
        if not stopping.insist(relay.relay, psycopg.Error, Undelivered, KafkaException):
            stopping.pause(IDLE_SECONDS)


if __name__ == "__main__":
    run(main)
