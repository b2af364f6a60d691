"""Counts a link once in a batch, however often it was clicked in it."""

from confluent_kafka import Consumer, Message

from checks.broken.small_worker import add, follow, links_of


def count(consumer: Consumer, messages: list[Message]) -> None:
    add(dict.fromkeys(links_of(messages), 1))
    consumer.commit(asynchronous=False)


follow(count)
