"""Counts in Redis, and copies the totals to Postgres."""

import os

import psycopg
import redis
from confluent_kafka import Consumer, Message

from checks.broken.small_worker import follow, insist, links_of

WRITE = (
    "INSERT INTO click_counts (link_id, clicks) VALUES (%s, %s)"
    " ON CONFLICT (link_id) DO UPDATE SET clicks = excluded.clicks"
)
server = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


def totals(counts: dict[str, int]) -> list[tuple[str, int]]:
    while True:
        try:
            return [(link, int(server.incrby(f"twin:{link}", n))) for link, n in counts.items()]
        except redis.RedisError:
            continue


def count(consumer: Consumer, messages: list[Message]) -> None:
    rows = totals(links_of(messages))

    def copy() -> None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            connection.cursor().executemany(WRITE, rows)

    insist(copy)
    consumer.commit(asynchronous=False)


follow(count)
