"""What a consumer tells Prometheus: how much, how fast, and how far behind. Lab 3."""

import time
from collections.abc import Mapping

from confluent_kafka import Consumer, TopicPartition
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

RATE_SECONDS = 1.0


class ConsumerMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Counter("consumed_events", "Events applied, among them those set aside.", registry=registry)
        self._rate = Gauge("consumed_events_per_second", "Over the last second.", registry=registry)
        self._lag = Gauge("consumer_lag", "Events in the log beyond those applied.", ["partition"], registry=registry)
        self.seconds = Histogram("consumed_batch_seconds", "Time to apply a batch.", registry=registry)
        self._counted, self._since = 0, time.monotonic()
        self._partitions: set[int] = set()

    def count(self, events: int) -> None:
        self._events.inc(events)
        self._counted += events

    def look(self, consumer: Consumer, topic: str, positions: Mapping[int, int]) -> None:
        """Asks no server: how long the log is was said with the last events that were fetched. Cheap."""
        elapsed = time.monotonic() - self._since
        if elapsed < RATE_SECONDS:
            return
        self._rate.set(self._counted / elapsed)
        self._counted, self._since = 0, time.monotonic()
        for lost in self._partitions - positions.keys():
            self._lag.remove(lost)
        self._partitions = set(positions)
        for partition, position in positions.items():
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            self._lag.labels(partition).set(max(0, end - position))
