"""Counts first, lets Kafka's client commit now and then, and never asks what was counted already: at least once."""

from confluent_kafka import Consumer, Message

from checks.broken.small_worker import add, follow, insist, links_of


def count(_: Consumer, messages: list[Message]) -> None:
    insist(lambda: add(links_of(messages)))


follow(count, enable_auto_commit=True, auto_commit_interval_ms=3000)
