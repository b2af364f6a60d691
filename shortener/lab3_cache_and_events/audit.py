"""`python -m shortener.lab3_cache_and_events.audit`: keeps a log of all that happened to links, until SIGTERM. Lab 3.

The simplest way to be exact: apply first, tell Kafka then, and know an event that comes again by its id."""

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
import psycopg
from prometheus_client import CollectorRegistry

from shortener.lab3_cache_and_events.consumer import Batch, Failures, Follower
from shortener.lab3_cache_and_events.database import Database
from shortener.lab3_cache_and_events.kafka_client import LINKS
from shortener.lab3_cache_and_events.process import Stopping, run

log = logging.getLogger(__name__)

CONSUMER = "audit"
BATCH = 5_000

INSERT = """
INSERT INTO audit_log (event_id, link_id, event, url, at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[]) ON CONFLICT DO NOTHING"""

Row = tuple[str, str, str, str | None, datetime]


class AuditLog:
    """See consumer.Results: of where it stands it knows nothing."""

    failures: Failures = (psycopg.Error,)

    def __init__(self, database: Database) -> None:
        self._database = database

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        return {}

    def apply(self, batch: Batch) -> bool:
        rows = []
        for message in batch.messages:
            try:
                rows.append(row(message.value() or b""))
            except ValueError as error:
                log.warning("partition %s, offset %s is left out: %s", message.partition(), message.offset(), error)
        if rows:
            self._database.connection().execute(INSERT, [list(column) for column in zip(*rows, strict=True)])
        return True


def row(value: bytes) -> Row:
    """The event as the table holds it. Raises ValueError when it is none."""
    match orjson.loads(value):
        case {
            "event_id": str(number),
            "link_id": str(link_id),
            "event": str(event),
            "url": str() | None as url,
            "at": str(at),
        }:
            if "\0" in number + link_id + event + (url or ""):
                raise ValueError("Postgres takes no NUL in a text")
            return number, link_id, event, url, datetime.fromisoformat(at)
        case _:
            raise ValueError("it is not the event of a link")


def main(metrics: CollectorRegistry, stopping: Stopping) -> None:
    Follower(LINKS, CONSUMER, BATCH, metrics, stopping).follow(AuditLog(Database(os.environ["DATABASE_URL"], CONSUMER)))


if __name__ == "__main__":
    run(main)
