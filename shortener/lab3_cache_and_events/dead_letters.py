"""Events that nobody can handle go to a topic of their own, so that those behind them can be handled. Lab 3."""

from collections.abc import Sequence

from confluent_kafka import Message
from prometheus_client import CollectorRegistry, Counter

from shortener.lab3_cache_and_events.delivery import Delivery, Record
from shortener.lab3_cache_and_events.kafka_client import DEAD

MOST_BYTES = 900_000  # of an event: the broker takes no more than a million with all that goes with it


class DeadLetters:
    def __init__(self, delivery: Delivery, metrics: CollectorRegistry) -> None:
        self._delivery = delivery
        self._count = Counter("consumed_poison", f"Events set aside in the topic {DEAD}.", registry=metrics)

    def set_aside(self, events: Sequence[tuple[Message, str]]) -> None:
        """Returns once the broker has them. One may be there twice: where it stood, in the headers, tells. Raises
        Undelivered."""
        if events:
            self._delivery.deliver(DEAD, [_record(event, reason) for event, reason in events])
            self._count.inc(len(events))


def _record(event: Message, reason: str) -> Record:
    value = event.value()
    place = {"topic": str(event.topic()), "partition": str(event.partition()), "offset": str(event.offset())}
    return Record(value and value[:MOST_BYTES], headers={"reason": reason, **place})
