"""A member of a consumer group that follows a topic in batches, from where its results say that they stand. Lab 3."""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from prometheus_client import CollectorRegistry

from shortener.lab3_cache_and_events.consumer_metrics import ConsumerMetrics
from shortener.lab3_cache_and_events.kafka_client import client_settings, error_reporter
from shortener.lab3_cache_and_events.process import Stopping

log = logging.getLogger(__name__)

Failures = tuple[type[Exception], ...]

WAIT_SECONDS = 0.1  # for a batch to fill
LOOK_SECONDS = 1.0  # between two looks whether the results are still there
SETTINGS = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    # One that was killed is missed after 6 s, the least that a broker allows by default.
    "session.timeout.ms": 6_000,
    "heartbeat.interval.ms": 1_000,
    # Little is fetched ahead, since it costs five times its size in memory. But when there is room again it is fetched
    # at once, not after a second as by default: measured at 700,000 clicks a second in place of 55,000.
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 4_096,
    "fetch.message.max.bytes": 256 * 1024,
    "fetch.queue.backoff.ms": 5,
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in order of each partition, and how far the results get with them."""

    messages: list[Message]
    before: dict[int, int]  # by partition: the offset where the results stand, if they know
    after: dict[int, int]  # by partition: where they stand with these messages applied


def place(message: Message) -> tuple[int, int]:
    """Its partition and its offset there: a message that was fetched has both."""
    return message.partition() or 0, message.offset() or 0


class Results(Protocol):
    """What the messages lead to. Both methods may raise `failures` while their server is gone, and are called again."""

    failures: Failures

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """The next offset of each partition. One that is left out goes on where the group committed to Kafka last."""
        ...

    def apply(self, batch: Batch) -> bool:
        """All of it or nothing. False: the results do not stand where `before` says, and nothing was applied."""
        ...


class Follower:
    """Applies each message once, if `results` compare `before` with where they stand: who owns a partition is settled
    there and not by the group, whose view a process that was paused has missed."""

    def __init__(self, topic: str, group: str, batch_size: int, metrics: CollectorRegistry, stopping: Stopping) -> None:
        """Raises KeyError for a missing variable. The broker need not be there."""
        self._topic, self._batch_size, self._stopping = topic, batch_size, stopping
        # A name that it keeps: started anew after a kill, it has its partitions back at once, without those 6 s.
        name = {"group.id": group, "group.instance.id": f"{socket.gethostname()}-{os.environ['PORT']}"}
        servers = client_settings(os.environ["KAFKA_BOOTSTRAP_SERVERS"])
        heard = {"on_commit": self._on_commit, "error_cb": self._on_error}
        self._settings = {**servers, **SETTINGS, **name, **heard}
        self._metrics, self._report = ConsumerMetrics(metrics), error_reporter()
        self._positions: dict[int, int] = {}  # of the partitions that are ours
        self._committed: dict[int, int] = {}  # those that Kafka was told, for whoever looks at the lag there
        self._committing = self._dead = False
        self._next_look = 0.0

    def follow(self, results: Results) -> None:
        """Until it shall stop. Raises Stopped when the results cannot be had by then."""
        self._results = results
        self._join()
        try:
            while not self._stopping.requested:
                if self._dead:
                    self._consumer.close()
                    self._join()
                messages = self._sound(self._consumer.consume(self._batch_size, WAIT_SECONDS))
                if messages:
                    self._apply(messages)
                else:
                    self._look_now_and_then()
                self._commit()
                self._metrics.look(self._consumer, self._topic, self._positions)
        finally:
            self._consumer.close()

    def _join(self) -> None:
        self._dead = self._committing = False
        self._forget()
        self._consumer = Consumer(self._settings)
        self._consumer.subscribe([self._topic], on_assign=self._assign, on_revoke=self._forget, on_lost=self._forget)

    def _on_error(self, error: KafkaError) -> None:
        """A client with a fatal error does nothing any more. A broker that was away may lead to one: a commit from
        before the group was joined anew is refused as another member's. What a heartbeat met comes as a message of the
        code _FATAL, whose `fatal()` is false (confluent-kafka 2.16)."""
        self._dead = self._dead or error.fatal() or error.code() == KafkaError._FATAL
        self._report(error)

    def _sound(self, messages: list[Message]) -> list[Message]:
        """Those that are messages, and not yet in the results: a log that was cut off begins anew below them."""
        for error in filter(None, [message.error() for message in messages]):
            self._on_error(error)
        return [message for message in messages if message.error() is None and self._is_new(message)]

    def _is_new(self, message: Message) -> bool:
        partition, offset = place(message)
        return offset >= self._positions.get(partition, 0)

    def _apply(self, messages: list[Message]) -> None:
        after = {partition: offset + 1 for partition, offset in map(place, messages)}
        before = {partition: self._positions[partition] for partition in after if partition in self._positions}
        batch = Batch(messages, before, after)
        with self._metrics.seconds.time():
            applied = self._stopping.insist(lambda: self._results.apply(batch), *self._results.failures)
        if applied:
            self._positions.update(after)
            self._metrics.count(len(messages))
        else:
            self._go_on_from_the_results()

    def _look_now_and_then(self) -> None:
        """Results can be lost, in Redis for one: that is noticed also while no message comes."""
        if self._positions and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            if self._ask_results(list(self._positions)) not in ({}, self._positions):
                self._go_on_from_the_results()

    def _go_on_from_the_results(self) -> None:
        log.warning("the results stand elsewhere than at %s: on from where they stand", self._positions)
        self._assign(self._consumer, self._consumer.assignment())

    def _ask_results(self, partitions: Sequence[int]) -> Mapping[int, int]:
        return self._stopping.insist(lambda: self._results.positions(partitions), *self._results.failures)

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        positions = self._ask_results([partition.partition for partition in partitions])
        for partition in partitions:
            partition.offset = positions.get(partition.partition, partition.offset)
        self._positions, self._committed = dict(positions), {}
        consumer.assign(partitions)

    def _forget(self, *_: object) -> None:
        self._positions = {}

    def _commit(self) -> None:
        if self._committing or self._positions == self._committed:
            return
        offsets = [TopicPartition(self._topic, *position) for position in self._positions.items()]
        with contextlib.suppress(KafkaException):  # it is tried again soon
            self._consumer.commit(offsets=offsets, asynchronous=True)
            self._committing = True

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        self._committing = False
        if error is None:
            self._committed.update({partition.partition: partition.offset for partition in partitions})
