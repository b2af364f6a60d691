"""A stage's native box of one's own, for tests and benchmarks of what uses it."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.boxes.kinds import native
from infra.boxes.native import Plan
from infra.compose.box import Box
from infra.project import LAB_HOME, ROOT
from infra.runtime.local.environment import base_environment
from infra.runtime.local.process import BoxProcess, Launch

START_SECONDS = 60.0


def plan_for(box: Box, folder: Path, environment: Mapping[str, str], *exposed: int) -> Plan:
    """That box below `folder`, on free ports; its volume, if it wants one, is `folder`/data."""
    folder.mkdir(parents=True, exist_ok=True)
    here = {**base_environment(), **environment}
    ports = {port: free_port() for port in exposed}
    port = next(iter(ports.values()), None) or free_port()
    data = {"/data": folder / "data"}
    return Plan(box, ROOT, port, here, data, folder / "work", LAB_HOME / "cache", ports=ports)


@contextlib.contextmanager
def running(plan: Plan) -> Iterator[BoxProcess]:
    """Its process, for those who want to break it, once the box is ready."""
    kind, folder = native(plan.box), plan.work.parent
    process, log = BoxProcess(folder / f"{plan.box.name}.pid"), folder / "log"
    start(plan, process)
    try:
        deadline = time.monotonic() + START_SECONDS
        while why := kind.obstacle(plan):
            assert time.monotonic() < deadline, f"{why}\n{log.read_text()}"
        yield process
    finally:
        process.stop(kind.stop_signal, 10, leader_only=kind.leader_only)


def start(plan: Plan, process: BoxProcess) -> None:
    """Start the box, also again after it was killed; wait until it is ready by yourself."""
    kind = native(plan.box)
    for folder in plan.folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    kind.prepare(plan, print)
    launch = Launch(kind.command(plan) or [], plan.environment, kind.folder(plan), plan.work.parent / "log")
    process.spawn(launch)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
