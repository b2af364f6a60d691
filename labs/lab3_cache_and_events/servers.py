"""The stage's Redis and Postgres, asked about themselves while an experiment runs: hits, look-ups, the worker's lag."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import psycopg
import redis

from infra.experiment.gauges import Gauge, Read
from infra.experiment.lag import lag_of
from infra.runtime.protocol import Runtime
from labs.lab2_postgres.database import connect, database_url

NAIVE = "naive"  # a word in the statement of the naive twin (naive.py), and in no other
_LINK_READS = (
    "SELECT coalesce(sum(calls) FILTER (WHERE query !~ %(naive)s), 0),"
    " coalesce(sum(calls) FILTER (WHERE query ~ %(naive)s), 0)"
    " FROM pg_stat_statements WHERE query ~* '^\\s*select.*\\mfrom\\s+\\S*links\\M' AND query !~ 'pg_stat_statements'"
    " AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def redis_url(stage: Runtime) -> str:
    host, port = stage.address("redis")
    password = stage.stage.box("redis").environment.get("REDIS_PASSWORD", "")
    return f"redis://:{password}@{host}:{port}/0"


@contextlib.contextmanager
def redis_of(stage: Runtime) -> Iterator[redis.Redis]:
    """A client that waits a second at most. No server need be there."""
    client = redis.Redis.from_url(redis_url(stage), socket_timeout=1.0, socket_connect_timeout=1.0)
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def statements(stage: Runtime) -> Iterator[psycopg.Connection]:
    """A connection to a Postgres that counts its statements."""
    with contextlib.closing(connect(database_url(stage), "counts statements")) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        yield connection


def link_reads(connection: psycopg.Connection) -> tuple[int, int]:
    """How often the table `links` was read by the service so far, and by its naive twin."""
    row = connection.execute(_LINK_READS, {"naive": NAIVE}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def reads_gauge(
    name: str = "db", what: str = "queries for links, a second (Postgres)", *, naive: bool = False
) -> Gauge:
    @contextlib.contextmanager
    def opened(stage: Runtime) -> Iterator[Read]:
        with statements(stage) as connection:
            yield lambda: _unless(psycopg.Error, lambda: float(link_reads(connection)[naive]))

    return Gauge(name, what, opened, rate=True, scale="queries")


def hits_gauge() -> Gauge:
    @contextlib.contextmanager
    def opened(stage: Runtime) -> Iterator[Read]:
        with redis_of(stage) as client:
            yield lambda: _unless(redis.RedisError, lambda: float(client.info("stats")["keyspace_hits"]))

    return Gauge("hits", "cache hits, a second (Redis)", opened, rate=True)


def lag_gauge() -> Gauge:
    @contextlib.contextmanager
    def opened(stage: Runtime) -> Iterator[Read]:
        with lag_of(stage, "worker", "clicks") as lag:
            yield lag

    return Gauge("lag", "clicks that the worker has yet to count (Kafka)", opened)


def memory_gauge(box: str) -> Gauge:
    """In MB."""

    @contextlib.contextmanager
    def opened(stage: Runtime) -> Iterator[Read]:
        yield lambda: _memory(stage, box)

    return Gauge("memory", f"MB that the {box} uses", opened, every=1.0)


def _memory(stage: Runtime, box: str) -> float | None:
    used = next((status.memory for status in stage.status() if status.name == box), None)
    return None if used is None else used / 1e6


def _unless(failure: type[Exception], read: Callable[[], float]) -> float | None:
    """What is read; None when its server does not answer just now."""
    try:
        return read()
    except failure:
        return None
