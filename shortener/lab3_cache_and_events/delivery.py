"""To send records and to know that the broker has them, before what depends on it goes on. Lab 3."""

from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from shortener.lab3_cache_and_events.kafka_client import producer_settings
from shortener.lab3_cache_and_events.process import Stopping


class Undelivered(Exception):  # noqa: N818 - a state, not a mistake
    """The broker did not take all of it; some of it may be there, or may still come."""


class Record(NamedTuple):
    value: bytes | None
    key: str | None = None
    headers: dict[str, str | bytes | None] | None = None


class Delivery:
    def __init__(self, servers: str, stopping: Stopping) -> None:
        """`servers` as in KAFKA_BOOTSTRAP_SERVERS. No server need be there."""
        self._producer, self._stopping = Producer(producer_settings(servers)), stopping

    def deliver(self, topic: str, records: Iterable[Record]) -> None:
        """Returns when the broker has all of them, those of one key in order; waits for a broker that is away for five
        minutes. Raises Undelivered after that, when it refuses one, and when the process shall end."""
        refused: list[KafkaError] = []

        def report(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                refused.append(error)

        for value, key, headers in records:
            self._producer.produce(topic, value, key, headers=headers, on_delivery=report)
        while self._producer.flush(0.1):
            if self._stopping.requested:
                self._producer.purge()
                raise Undelivered("the process ends before the broker has them")
        if refused:
            raise Undelivered(refused[0].str())
