"""Clicks counted exactly in Postgres by one worker, a backlog of 2,000,000, beside one upsert an event."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import psycopg
from confluent_kafka import Producer

from bench.figure import Figure
from bench.servers import database, postgres
from checks.unit.kafka import running_kafka
from checks.unit.native import free_port
from infra.project import ROOT
from shortener.lab3_cache_and_events.kafka_client import CLICKS, producer_settings

EVENTS, LINKS = 2_000_000, 100_000
SINGLE = 5_000  # events of the baseline
LEAST = 100_000  # events a second
PATIENCE = 120.0  # seconds
AT_ONCE = 1_000

UPSERT = """
INSERT INTO click_counts AS counts (link_id, clicks) VALUES (%s, 1)
ON CONFLICT (link_id) DO UPDATE SET clicks = counts.clicks + 1"""
COUNTED = "SELECT coalesce(sum(next_offset), 0)::bigint FROM consumed WHERE consumer = 'worker'"


def run() -> list[Figure]:
    links = zipf()
    with postgres() as server, tempfile.TemporaryDirectory() as folder, running_kafka(Path(folder)) as (servers, _):
        single = upserts(database(server, "single", 0), links[:SINGLE])
        put(servers, links)
        url = database(server, "counted", 0)
        with worker(url, servers):
            rate = events_a_second(url)
        with psycopg.connect(url) as connection:
            counts: Counter[str] = Counter(
                dict(connection.execute("SELECT link_id, clicks FROM click_counts").fetchall())
            )
    assert counts == Counter(links), "the counts are not exact"
    return [
        Figure(
            f"clicks to exact counts, {EVENTS:,} events, one worker ({rate / single:.0f} times the baseline)",
            rate,
            "events/s",
            f"at least {LEAST:,} events/s",
            rate >= LEAST,
            single,
            "one upsert an event",
        )
    ]


def zipf() -> list[str]:
    """The link of each event: the second is half as likely as the first, and so on."""
    weights = list(accumulate(1 / (place + 1) for place in range(LINKS)))
    return random.Random(3).choices([f"{number:07}" for number in range(LINKS)], cum_weights=weights, k=EVENTS)


def upserts(url: str, links: Sequence[str]) -> float:
    """Events a second, each counted by a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        start = time.monotonic()
        for link_id in links:
            connection.execute(UPSERT, (link_id,))
        return len(links) / (time.monotonic() - start)


def put(servers: str, links: Sequence[str]) -> None:
    producer = Producer(producer_settings(servers))
    for first in range(0, len(links), AT_ONCE):
        while len(producer) > 50 * AT_ONCE:
            producer.poll(0.01)
        values = [
            f'{{"event_id":"bench-{number}","link_id":"{link_id}","at":"2026-11-22T17:00:00.000+00:00"}}'
            for number, link_id in enumerate(links[first : first + AT_ONCE], first)
        ]
        producer.produce_batch(CLICKS, [{"value": value} for value in values])
    assert producer.flush(PATIENCE) == 0, "Kafka does not take the events"


@contextlib.contextmanager
def worker(url: str, servers: str) -> Iterator[None]:
    words = [sys.executable, "-m", "shortener.lab3_cache_and_events.worker"]
    variables = {"DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": servers, "PORT": str(free_port())}
    with subprocess.Popen(words, cwd=ROOT, env={**os.environ, **variables}) as process:
        try:
            yield
        finally:
            process.terminate()


def events_a_second(url: str) -> float:
    """From the first batch that is counted to the last."""
    deadline, begin, first = time.monotonic() + PATIENCE, 0.0, 0
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(COUNTED).fetchone()
            counted = int(row[0]) if row else 0
            now = time.monotonic()
            if not first and counted:
                begin, first = now, counted
            if counted >= EVENTS:
                return (counted - first) / (now - begin)
            assert now < deadline, f"after {PATIENCE:.0f} s only {counted:,} events are counted"
            time.sleep(0.02)
