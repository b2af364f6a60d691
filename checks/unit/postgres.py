"""A real Postgres of one's own for tests and benchmarks: the stage's native box, or the image when RUNTIME=docker."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from infra.boxes.native import Plan
from infra.boxes.postgres import PostgresBox
from infra.compose.box import Box, NativeBox
from infra.project import LAB_HOME, ROOT
from infra.runtime.local.environment import base_environment
from infra.runtime.local.process import BoxProcess, Launch

IDENTITY = {"POSTGRES_USER": "lab", "POSTGRES_PASSWORD": "lab", "POSTGRES_DB": "links"}
START_SECONDS = 60.0


@contextlib.contextmanager
def running_postgres(folder: Path, *settings: str) -> Iterator[tuple[str, BoxProcess]]:
    """The address of a native Postgres with an empty database, and its process for those who want to break it."""
    box = Box("postgres", (), frozenset(), IDENTITY, ("postgres", *settings), (), (), {}, NativeBox("postgres"))
    plan = Plan(box, ROOT, free_port(), IDENTITY, {"/data": folder / "data"}, LAB_HOME / "cache")
    kind, process = PostgresBox(), BoxProcess(folder / "postgres.pid")
    folder.mkdir(parents=True, exist_ok=True)
    kind.prepare(plan)
    process.spawn(Launch(kind.command(plan) or [], base_environment(), kind.folder(plan), folder / "log"))
    try:
        deadline = time.monotonic() + START_SECONDS
        while why := kind.obstacle(plan):
            assert time.monotonic() < deadline, f"{why}\n{(folder / 'log').read_text()}"
        yield f"postgresql://lab:lab@127.0.0.1:{plan.port}/links", process
    finally:
        process.stop(kind.stop_signal, 10, leader_only=kind.leader_only)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
