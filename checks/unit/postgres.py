"""A real Postgres of one's own for tests and benchmarks: the stage's native box."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from checks.unit.native import START_SECONDS, free_port, plan_for, running
from infra.compose.box import Box, NativeBox
from infra.runtime.local.process import BoxProcess

__all__ = ["IDENTITY", "START_SECONDS", "free_port", "running_postgres"]

IDENTITY = {"POSTGRES_USER": "lab", "POSTGRES_PASSWORD": "lab", "POSTGRES_DB": "links"}


@contextlib.contextmanager
def running_postgres(folder: Path, *settings: str) -> Iterator[tuple[str, BoxProcess]]:
    """The address of a native Postgres with an empty database, and its process for those who want to break it."""
    box = Box("postgres", (), frozenset(), IDENTITY, ("postgres", *settings), (), (), {}, NativeBox("postgres"))
    plan = plan_for(box, folder, IDENTITY)
    with running(plan) as process:
        yield f"postgresql://lab:lab@127.0.0.1:{plan.port}/links", process
