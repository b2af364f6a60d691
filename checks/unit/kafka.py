"""A real Kafka of one's own for tests and benchmarks: the stage's native box, with its settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from checks.unit.native import plan_for, running
from infra.boxes.topics import make_topics
from infra.project import COMPOSE_FILE
from infra.runtime.local.process import BoxProcess
from infra.stage import read_stage

TOPICS = {"clicks": 3, "links": 3, "clicks.dead": 1}


@contextlib.contextmanager
def running_kafka(folder: Path, topics: dict[str, int] | None = None) -> Iterator[tuple[str, BoxProcess]]:
    """The bootstrap address of a native Kafka that has those topics (by name, with their partitions; lab 3's when None)
    and nothing in them, and its process for those who want to break it."""
    box = read_stage(COMPOSE_FILE, frozenset({"lab-3"}), {}).box("kafka")
    plan = plan_for(box, folder, box.environment, *(port.target for port in box.ports), *box.exposed)
    with running(plan) as process:
        address = f"127.0.0.1:{plan.port}"
        make_topics(address, TOPICS if topics is None else topics)
        yield address, process
