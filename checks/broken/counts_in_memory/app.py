"""Keeps the counts in memory, and Postgres has a copy."""

import os
from collections import Counter

import psycopg
from confluent_kafka import Consumer, Message

from checks.broken.small_worker import follow, insist, links_of

WRITE = (
    "INSERT INTO click_counts (link_id, clicks) VALUES (%s, %s)"
    " ON CONFLICT (link_id) DO UPDATE SET clicks = excluded.clicks"
)
totals: Counter[str] = Counter()


def copy() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.cursor().executemany(WRITE, list(totals.items()))


def count(consumer: Consumer, messages: list[Message]) -> None:
    totals.update(links_of(messages))
    insist(copy)
    consumer.commit(asynchronous=False)


follow(count)
