"""Makes the cache that halves Kafka's start, in the background: `python -m infra.boxes.kafka_aot CACHE`.

A broker of its own, which nobody else uses, starts, does a bit of everything and ends; Java then writes down what it
learned. That takes some ten seconds of a processor, at the lowest priority, for at most three minutes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from infra.boxes.kafka import format_folder
from infra.boxes.kafka_java import Java
from infra.boxes.kafka_settings import LOG4J, as_properties
from infra.boxes.scratch import scratch_folder, sweep
from infra.boxes.topics import make_topics

_AT_MOST = 180  # seconds
_CALM = 5.0  # seconds that the stage is left alone first, and between two looks at the machine's load
_RECORDS = 200


def make(cache: Path) -> None:
    """Make the cache unless it is there, or another stage is at it."""
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))  # through the `finally`s, which end the broker
    signal.alarm(_AT_MOST)
    os.nice(19)
    time.sleep(_CALM)
    while os.getloadavg()[0] > (os.cpu_count() or 1):
        time.sleep(_CALM)  # until the machine has time for it, or the alarm rings
    java = Java.found(cache, lambda _: None)
    with _alone(cache) as first:
        if not first or java.aot_flag():
            return
        sweep(cache)
        with scratch_folder(cache) as (scratch, lock):
            made = scratch / "start.aot"
            _train(java, scratch, made, lock)
            if made.exists():
                java.keep_aot(made)


def _train(java: Java, scratch: Path, made: Path, lock: int) -> None:
    """One life of a broker, recorded. `make down` finds it by this process's session and by its environment."""
    ports = [_free_port() for _ in range(2)]
    (scratch / "log4j2.properties").write_text(LOG4J)
    (scratch / "server.properties").write_text(as_properties(_settings(scratch, *ports)))
    (scratch / "data").mkdir()
    format_folder(java, scratch, scratch / "data", "1")
    place = str(scratch / "server.properties")
    words = java.command("kafka.Kafka", place, work=scratch, aot=f"-XX:AOTCacheOutput={made}")
    with subprocess.Popen(words, pass_fds=(lock,)) as broker:
        try:
            _use(f"127.0.0.1:{ports[0]}")
            broker.send_signal(signal.SIGTERM)
            broker.wait()
        finally:
            broker.kill()


def _settings(scratch: Path, clients: int, controller: int) -> dict[str, str]:
    one = ("offsets.topic.num.partitions", "offsets.topic.replication.factor")
    return {
        "node.id": "1",
        "process.roles": "broker,controller",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "num.network.threads": "1",
        "group.initial.rebalance.delay.ms": "0",
        "log.cleaner.dedupe.buffer.size": "4194304",
        "log.dirs": str(scratch / "data"),
        **dict.fromkeys(one, "1"),
    }


def _use(servers: str) -> None:
    """What a stage asks of its broker in its first moments: a topic, a group, events in and out."""
    from confluent_kafka import Consumer, Producer

    make_topics(servers, {"clicks": 3}, seconds=60.0)
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "compression.type": "lz4"})
    for number in range(_RECORDS):
        producer.produce("clicks", f"event {number}".encode())
    producer.flush(20)
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "cache", "auto.offset.reset": "earliest"})
    consumer.subscribe(["clicks"])
    deadline, seen = time.monotonic() + 20, 0
    while seen < _RECORDS and time.monotonic() < deadline:
        seen += len(consumer.consume(_RECORDS, timeout=0.5))
    consumer.close()


@contextlib.contextmanager
def _alone(cache: Path) -> Iterator[bool]:
    """Whether nobody else is at it. The lock goes with the process that holds it."""
    lock = os.open(cache / "kafka" / "aot.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    make(Path(sys.argv[1]))
