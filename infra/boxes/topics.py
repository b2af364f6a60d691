"""The step that makes Kafka's topics, each with its partitions: `python -m infra.boxes.topics`. Again does no harm."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from infra.boxes.native import Plan, Progress
from infra.compose.box import Box
from infra.errors import LabError
from infra.project import ROOT

_DEADLINE = 30.0  # seconds


class TopicsBox:
    """See NativeBox."""

    stop_signal = signal.SIGTERM
    leader_only = False
    tells_addresses = False

    def variables(self, port: int) -> dict[str, str]:
        return {}

    def prepare(self, plan: Plan, progress: Progress) -> None:
        """Nothing to make."""

    def command(self, plan: Plan) -> list[str] | None:
        return [sys.executable, "-m", "infra.boxes.topics"]

    def folder(self, plan: Plan) -> Path:
        return ROOT

    def obstacle(self, plan: Plan) -> str:
        return ""

    def afterwards(self, plan: Plan) -> list[str] | None:
        return None

    def client(self, plan: Plan) -> list[str]:
        raise LabError(f"{plan.box.name} makes the topics and ends. `lab connect kafka` shows what is in them.")

    def client_inside(self, box: Box) -> list[str]:
        raise LabError(f"{box.name} makes the topics and ends. `lab connect kafka` shows what is in them.")

    def tidy(self, plan: Plan) -> None:
        """It leaves nothing."""

    def can_fill(self) -> str:
        return "it writes no file"


def read_topics(text: str) -> dict[str, int]:
    """`clicks:3 links:3` as partitions by topic. Raises LabError for anything else."""
    found: dict[str, int] = {}
    for word in text.split():
        name, _, partitions = word.partition(":")
        if not name or not partitions.isdigit() or int(partitions) < 1:
            raise LabError(f"`{word}` in TOPICS is no topic with its partitions. Write it so: clicks:3.")
        found[name] = int(partitions)
    if not found:
        raise LabError("TOPICS is empty. Name each topic with its partitions, such as clicks:3.")
    return found


def make_topics(servers: str, wanted: dict[str, int], seconds: float = _DEADLINE) -> None:
    """Make those that are missing; one with fewer partitions gets more. Afterwards everybody sees them: what the
    controller has done, the broker tells a moment later. Raises LabError when that takes too long."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewPartitions, NewTopic

    deadline, problem = time.monotonic() + seconds, "the broker does not show them"
    quick = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "log_level": 0}
    client = AdminClient({"bootstrap.servers": servers, **quick})
    while True:
        try:
            there = {name: len(topic.partitions) for name, topic in client.list_topics(timeout=5.0).topics.items()}
            if all(there.get(name, 0) >= count for name, count in wanted.items()):
                return
            new = [NewTopic(name, count, 1) for name, count in wanted.items() if name not in there]
            more = [NewPartitions(name, count) for name, count in wanted.items() if 0 < there.get(name, 0) < count]
            asked = client.create_topics(new, operation_timeout=10.0) if new else {}
            grown = client.create_partitions(more, operation_timeout=10.0) if more else {}
            for answer in (*asked.values(), *grown.values()):
                answer.result()
        except KafkaException as error:  # that it is made already, too, when the broker does not show it yet
            problem = error.args[0].str()
        if time.monotonic() > deadline:
            raise LabError(
                f"The topics could not be made within {seconds:.0f} s ({problem})."
                " Look at the broker with `lab logs kafka`, then try again."
            )
        time.sleep(0.02)


def main() -> None:
    try:
        wanted = read_topics(os.environ.get("TOPICS", ""))
        make_topics(os.environ["KAFKA_BOOTSTRAP_SERVERS"], wanted)
    except LabError as error:
        sys.exit(str(error))
    print("topics:", ", ".join(f"{name} ({count} partitions)" for name, count in wanted.items()))


if __name__ == "__main__":
    main()
