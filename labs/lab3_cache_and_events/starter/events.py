"""What all processes share of Kafka: how a client behaves, and a loop that follows a topic until SIGTERM."""

import os
import signal
import sys
import time

import confluent_kafka

CLIENT = {
    "bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""),
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 500,  # soon back when the broker is
    "log_level": 2,
}
stopping = False


def listen():
    """From now on SIGTERM and SIGINT make `stopping` true, and nothing else."""

    def stop(*_):
        global stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def follow(topic, group, apply, positions=dict):
    """Hand the topic's messages to `apply`, a list at a time, until SIGTERM. While `apply` is unwritten it just waits.

    `positions` says where to begin: {partition: offset of the next message}. What it leaves out begins where the group
    has committed. An `apply` that raises an error of a server is tried again, with the same messages. One that returns
    False does not stand where these messages begin: it goes on where `positions` says."""
    listen()
    consumer = confluent_kafka.Consumer(
        {
            **CLIENT,
            "group.id": group,
            "group.instance.id": f"{group}-1",  # killed and started again, it has its partitions back at once
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000,
        }
    )

    def assign(consumer, partitions):
        known = insist(positions)
        for partition in partitions:
            partition.offset = known.get(partition.partition, partition.offset)
        consumer.assign(partitions)

    consumer.subscribe([topic], on_assign=assign)
    try:
        while not stopping:
            messages = [message for message in consumer.consume(5000, 0.1) if not message.error()]
            if messages:
                if insist(lambda: apply(messages)) is False:  # noqa: B023 - called before the next turn
                    assign(consumer, consumer.assignment())
                    continue
                # For whoever asks Kafka how far this group has come. A crash just before it: these messages come again.
                consumer.commit(offsets=ends(messages), asynchronous=True)
    except NotImplementedError as reason:
        rest(reason)
    except Stopped:
        pass  # what was not applied comes again after the next start
    finally:
        consumer.close()


def rest(reason):
    """Say why there is nothing to do, and wait for SIGTERM."""
    print(reason, flush=True)
    while not stopping:
        time.sleep(0.1)


class Stopped(Exception):
    """SIGTERM came while a server was away."""


def insist(action):
    """What `action` returns, once no server is missing."""
    said = ""
    while True:
        try:
            return action()
        except NotImplementedError:
            raise
        except Exception as error:
            if str(error) != said:
                said = str(error)
                print(f"tried again until it works: {said}", file=sys.stderr, flush=True)
        if stopping:
            raise Stopped
        time.sleep(0.2)


def ends(messages):
    """Where a group stands that has applied these: the next offset of each partition."""
    last = {(message.topic(), message.partition()): message.offset() + 1 for message in messages}
    return [confluent_kafka.TopicPartition(topic, partition, offset) for (topic, partition), offset in last.items()]
