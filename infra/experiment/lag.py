"""How far a consumer group is behind: the events of a topic that it has not committed, asked of Kafka itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.runtime.protocol import Runtime

_PATIENCE = 1.0  # seconds that the broker may take for one answer
_NOTHING = -1001  # the offset of a partition in which the group has committed nothing yet


def has_kafka(runtime: Runtime) -> bool:
    return any("kafka" in box.names for box in runtime.stage.boxes)


def bootstrap(runtime: Runtime) -> str:
    """Where this machine's Kafka clients begin, host:port."""
    return "{}:{}".format(*runtime.address("kafka"))


@contextlib.contextmanager
def lag_of(runtime: Runtime, group: str, topic: str) -> Iterator[Callable[[], int | None]]:
    """Yields what tells the group's lag on that topic, None while the broker does not answer. It joins no group."""
    with _consumer(runtime, group) as consumer:
        yield lambda: _lag(consumer, topic)


@contextlib.contextmanager
def _consumer(runtime: Runtime, group: str) -> Iterator[Consumer]:
    settings = {"bootstrap.servers": bootstrap(runtime), "group.id": group, "enable.auto.commit": False}
    consumer = Consumer(settings | {"reconnect.backoff.max.ms": 500, "log_level": 0, "error_cb": lambda error: None})
    try:
        yield consumer
    finally:
        consumer.close()


def _lag(consumer: Consumer, topic: str) -> int | None:
    try:
        known = consumer.list_topics(topic, timeout=_PATIENCE).topics[topic].partitions
        committed = consumer.committed([TopicPartition(topic, number) for number in known], timeout=_PATIENCE)
        behind = 0
        for partition in committed:
            first, end = consumer.get_watermark_offsets(partition, timeout=_PATIENCE)
            behind += end - (first if partition.offset == _NOTHING else partition.offset)
    except (KafkaException, KeyError, TypeError):  # TypeError: no watermarks came in time
        return None
    return behind
