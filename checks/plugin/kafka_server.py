"""The stage's Kafka as anybody may read it: what stands in a topic, and how far each consumer group has come. Lab 3.

No call waits longer than its deadline, and librdkafka's own log stays silent: a killed broker is no news here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from checks.plugin.stand import Stand
from infra.errors import LabError

T = TypeVar("T")

HOST_PORT = 9094  # in the compose file: the listener for this machine, beside that for the boxes
SECONDS = 5.0  # that one question may take
QUIET: dict[str, Any] = {
    "log_level": 0,
    "error_cb": lambda error: None,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 300,
    "socket.connection.setup.timeout.ms": 2000,
}

Offsets = Mapping[int, int]  # by partition: the offset that its next record will have


@dataclass(frozen=True)
class Record:
    """One record as it stands in a topic; a header's value is bytes."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


class Kafka:
    """One stage's broker. Every method raises LabError when it does not answer within 5 s."""

    def __init__(self, host: str, port: int) -> None:
        self.address = f"{host}:{port}"
        self._settings = {**QUIET, "bootstrap.servers": self.address}
        self._admin = AdminClient(self._settings)

    def ends(self, topic: str) -> dict[int, int]:
        """Each partition's end."""
        return {part.partition: offset for part, offset in self._end_of_each(topic).items()}

    def lags(self, topic: str) -> dict[str, int]:
        """For each group that has said how far it has come in `topic`: how many records it has yet to come to."""
        ends = self._end_of_each(topic)
        listed = self._asked(lambda: self._admin.list_consumer_groups(request_timeout=SECONDS).result(SECONDS))
        names = [group.group_id for group in listed.valid or ()]
        lags = {name: self._lag(name, ends) for name in names}
        return {name: lag for name, lag in lags.items() if lag is not None}

    def records(self, topic: str, since: Offsets | None = None) -> list[Record]:
        """All records up to the end as it is now, from those offsets on; each partition's own in order."""
        ends = {number: end for number, end in self.ends(topic).items() if end > (since or {}).get(number, 0)}
        begin = [TopicPartition(topic, number, (since or {}).get(number, OFFSET_BEGINNING)) for number in ends]
        only_reads = {
            "group.id": "checks",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
        }
        consumer = Consumer({**self._settings, **only_reads})
        try:
            if begin:
                consumer.assign(begin)
            return list(self._until(consumer, topic, ends))
        finally:
            consumer.close()

    def put(self, topic: str, values: Iterable[bytes | None], partition: int = -1, key: bytes | None = None) -> None:
        """Write records, and return when the broker has them; without a `partition` librdkafka spreads them."""
        # Sent once, so that nothing stands there twice; an idempotent one takes half a second to begin.
        producer = Producer({**self._settings, "acks": "all", "retries": 0, "linger.ms": 1})
        refused: list[str] = []

        def report(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                refused.append(str(error))

        for value in values:
            producer.produce(topic, value, key, partition, on_delivery=report)
            producer.poll(0)
        left = producer.flush(SECONDS)
        if left or refused:
            raise LabError(f"Kafka at {self.address} did not take {left + len(refused)} records: {refused[:1]}.")

    def _end_of_each(self, topic: str) -> dict[TopicPartition, int]:
        known = self._asked(lambda: self._admin.list_topics(topic, timeout=SECONDS)).topics[topic]
        if known.error is not None or not known.partitions:
            raise LabError(f"Kafka at {self.address} has no topic {topic}. `lab logs topics` says why.")
        latest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        parts = {TopicPartition(topic, number): latest for number in known.partitions}

        def ask() -> dict[TopicPartition, int]:
            asked = self._admin.list_offsets(parts, request_timeout=SECONDS)
            return {part: found.result(SECONDS).offset for part, found in asked.items()}

        return self._asked(ask)

    def _lag(self, group: str, ends: Mapping[TopicPartition, int]) -> int | None:
        def ask() -> list[TopicPartition]:
            parts = [TopicPartition(part.topic, part.partition) for part in ends]
            question = [ConsumerGroupTopicPartitions(group, parts)]
            asked = self._admin.list_consumer_group_offsets(question, request_timeout=SECONDS)[group]
            return list(asked.result(SECONDS).topic_partitions)

        come = {part.partition: part.offset for part in self._asked(ask)}
        if all(offset < 0 for offset in come.values()):
            return None
        return sum(end - max(0, come.get(part.partition, 0)) for part, end in ends.items())

    def _until(self, consumer: Consumer, topic: str, ends: Offsets) -> Iterator[Record]:
        """The consumer's records up to `ends`. No record may come for 5 s at most."""
        missing, deadline = set(ends), time.monotonic() + SECONDS
        while missing:
            for message in consumer.consume(1000, timeout=0.02):
                number, error = message.partition() or 0, message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        missing.discard(number)
                    continue
                deadline = time.monotonic() + SECONDS
                found = _record(message)
                if found.offset < ends[number]:
                    yield found
                if found.offset >= ends[number] - 1:
                    missing.discard(number)
            if time.monotonic() > deadline:
                raise LabError(f"Kafka at {self.address} stopped sending the records of {topic}. See `lab logs kafka`.")

    def _asked(self, question: Callable[[], T]) -> T:
        """The answer; asked again for 5 s, since a broker that is just back refuses for a moment."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return question()
            except (KafkaException, TimeoutError) as error:
                if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.FENCED_LEADER_EPOCH:
                    # The broker was started again, and a client keeps what it knew of the leader before for minutes.
                    self._admin = AdminClient(self._settings)
                if time.monotonic() > deadline:
                    problem = f"Kafka at {self.address} does not answer: {error}. See `lab logs kafka`."
                    raise LabError(problem) from error
            time.sleep(0.1)


def kafka_of(stand: Stand) -> Kafka:
    """The stage's Kafka, past its relays. Raises LabError when the stage has none."""
    return Kafka(*stand.runtime.address("kafka", HOST_PORT))


def _record(message: Message) -> Record:
    headers = {str(name): _bytes(value) or b"" for name, value in dict(message.headers() or ()).items()}
    place = message.partition() or 0, message.offset() or 0
    return Record(*place, _bytes(message.key()), _bytes(message.value()), headers)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
