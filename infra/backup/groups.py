"""After a restore Kafka's own notes of how far each consumer group came no longer fit the database. Lab 4.

They are forgotten, so that each group begins at its oldest event. One that keeps its offsets beside its results goes on
from there; any other knows what comes again, as everybody must whom events reach at least once."""

from __future__ import annotations

import time

from infra.errors import LabError
from infra.runtime.protocol import Progress, Runtime

HOST_PORT = 9094  # in the compose file: the listener for this machine
SECONDS = 15.0  # a member that left keeps its place in its group for 6 s


def forget_groups(runtime: Runtime, progress: Progress) -> None:
    """While no consumer runs. A broker that does not answer is said, and no failure."""
    if not any("kafka" in box.names for box in runtime.stage.boxes):
        return
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    deadline = time.monotonic() + SECONDS
    left: list[str] = []
    try:
        host, port = runtime.address("kafka", HOST_PORT)
        admin = AdminClient({"bootstrap.servers": f"{host}:{port}", "log_level": 0})
        listed = admin.list_consumer_groups(request_timeout=5.0).result(5.0)
        left = [group.group_id for group in listed.valid or ()]
        while left and time.monotonic() < deadline:
            left = [name for name, answer in admin.delete_consumer_groups(left).items() if answer.exception()]
            time.sleep(0.1 if left else 0.0)
    except (KafkaException, LabError) as error:
        progress(f"Kafka keeps its notes of the consumer groups, for it does not answer ({error})")
    if left:
        progress(f"Kafka keeps its notes of the consumer groups {', '.join(left)}: members of them are still there")
