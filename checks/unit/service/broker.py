"""A real Kafka for the service's tests, to be killed and started: native, or in a container with RUNTIME=docker."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from checks.plugin.kafka_server import Kafka
from checks.unit.kafka import TOPICS
from checks.unit.native import START_SECONDS, free_port, plan_for, running, start
from infra.boxes.topics import make_topics
from infra.compose.box import Box
from infra.errors import LabError
from infra.project import COMPOSE_FILE
from infra.runtime.docker import images
from infra.stage import read_stage

CLICKS = "clicks"
HOST_PORT = 9094  # in the compose file: the listener for this machine


@dataclass(frozen=True)
class Broker:
    servers: str
    kill: Callable[[], object]
    spawn: Callable[[], object]

    def start(self) -> None:
        """Again, after it was killed. It answers by then."""
        self.spawn()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.kafka.ends(CLICKS)
                return
            except LabError:
                assert time.monotonic() < deadline, "Kafka does not come back"

    @property
    def kafka(self) -> Kafka:
        """What anybody may read there, and write."""
        host, port = self.servers.split(":")
        return Kafka(host, int(port))


def running_broker(folder: Path) -> contextlib.AbstractContextManager[Broker]:
    """One with lab 3's topics."""
    return _in_container() if os.environ.get("RUNTIME") == "docker" else _native(folder)


def _box(port: int) -> Box:
    return read_stage(COMPOSE_FILE, frozenset({"lab-3"}), {"KAFKA_PORT": str(port)}).box("kafka")


@contextlib.contextmanager
def _native(folder: Path) -> Iterator[Broker]:
    box = _box(HOST_PORT)
    plan = plan_for(box, folder, box.environment, *(port.target for port in box.ports), *box.exposed)
    with running(plan) as process:
        servers = f"127.0.0.1:{plan.port}"
        make_topics(servers, TOPICS, START_SECONDS)
        yield Broker(servers, process.kill, lambda: start(plan, process))


@contextlib.contextmanager
def _in_container() -> Iterator[Broker]:
    """Clients go where the broker says that it is: so its port on this machine is chosen before it starts."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer

    port = free_port()
    container = DockerContainer(images.chosen(images.which())["LAB_KAFKA_IMAGE"], hostname="kafka")
    container.ports[HOST_PORT] = ("127.0.0.1", port)
    for name, value in _box(port).environment.items():
        container.with_env(name, value)
    with container:
        servers = f"127.0.0.1:{port}"
        make_topics(servers, TOPICS, START_SECONDS)
        wrapped = container.get_wrapped_container()
        yield Broker(servers, wrapped.kill, wrapped.start)
