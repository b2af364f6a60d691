"""How each of our Kafka clients behaves: patient with a broker that is gone, back with it at once, and quiet. Lab 3."""

import logging
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

log = logging.getLogger(__name__)

CLICKS, LINKS, DEAD = "clicks", "links", "clicks.dead"  # the topics
QUIET_SECONDS = 30.0


def client_settings(servers: str) -> dict[str, Any]:
    """`servers` as in KAFKA_BOOTSTRAP_SERVERS. Raises ValueError when it names none."""
    if not servers.strip():
        raise ValueError("KAFKA_BOOTSTRAP_SERVERS is empty: name a broker as host:port.")
    return {
        "bootstrap.servers": servers,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,  # by default it can be 10 s until it sees that the broker is back
        "socket.timeout.ms": 10_000,
        "log_level": 2,  # it would write a line for each attempt to connect: `error_cb` says it once
        "error_cb": error_reporter(),
    }


def producer_settings(servers: str) -> dict[str, Any]:
    """Idempotent: what is sent again because its acknowledgement was lost stands in the log once, and in order."""
    reliable = {"enable.idempotence": True, "acks": "all", "compression.type": "lz4", "linger.ms": 5}
    return {**client_settings(servers), **reliable}


def error_reporter() -> Callable[[KafkaError], None]:
    """Writes what a client has to say to the log, and the same again after 30 s at the earliest."""
    said: dict[str, float] = {}

    def report(error: KafkaError) -> None:
        now, name = time.monotonic(), error.name()
        if now - said.get(name, -QUIET_SECONDS) >= QUIET_SECONDS:
            said[name] = now
            log.warning("Kafka: %s", error.str())

    return report
