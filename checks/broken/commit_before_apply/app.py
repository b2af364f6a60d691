"""Commits what it has read, takes its time, and then counts it: at most once."""

import time

from confluent_kafka import Consumer, Message

from checks.broken.small_worker import add, follow, insist, links_of


def count(consumer: Consumer, messages: list[Message]) -> None:
    consumer.commit(asynchronous=False)
    time.sleep(0.3)
    insist(lambda: add(links_of(messages)))


follow(count)
