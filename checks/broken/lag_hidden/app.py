"""Never tells Kafka how far it has come."""

from confluent_kafka import Consumer, Message

from checks.broken.small_worker import add, follow, links_of


def count(_: Consumer, messages: list[Message]) -> None:
    add(links_of(messages))


follow(count)
