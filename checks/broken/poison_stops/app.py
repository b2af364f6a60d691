"""Believes that every event is one."""

from confluent_kafka import Consumer, Message

from checks.broken.small_worker import add, follow, insist, links_of


def count(consumer: Consumer, messages: list[Message]) -> None:
    counts = links_of(messages)
    insist(lambda: add(counts))
    consumer.commit(asynchronous=False)


follow(count)
