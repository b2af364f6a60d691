"""Lets a batch go when Postgres does not take it, and says so in the log."""

import psycopg
from confluent_kafka import Consumer, Message

from checks.broken.small_worker import add, follow, links_of


def count(consumer: Consumer, messages: list[Message]) -> None:
    try:
        add(links_of(messages))
    except psycopg.Error as error:
        print(f"{len(messages)} clicks could not be counted: {error}", flush=True)
    consumer.commit(asynchronous=False)


follow(count)
