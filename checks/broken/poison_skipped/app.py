"""Steps over what it cannot read."""

from collections import Counter

from confluent_kafka import Consumer, Message

from checks.broken.small_worker import add, follow, insist, link_of


def count(consumer: Consumer, messages: list[Message]) -> None:
    counts: Counter[str] = Counter()
    for message in messages:
        try:
            counts[link_of(message).encode("ascii").replace(b"\0", b"").decode()] += 1
        except (ValueError, TypeError, KeyError):
            continue
    insist(lambda: add(counts))
    consumer.commit(asynchronous=False)


follow(count)
