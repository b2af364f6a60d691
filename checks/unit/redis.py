"""A real Redis (Valkey) of one's own for tests and benchmarks: the stage's native box."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from checks.unit.native import plan_for, running
from infra.boxes.native import Plan
from infra.compose.box import Box, NativeBox
from infra.runtime.local.process import BoxProcess

PASSWORD = "lab"


@contextlib.contextmanager
def running_redis(folder: Path, *settings: str) -> Iterator[tuple[str, BoxProcess]]:
    """The address of a native, empty Redis, and its process for those who want to break it.

    It keeps nothing on disk unless `settings`, such as `--appendonly yes`, say otherwise."""
    plan = redis_plan(folder, *settings)
    with running(plan) as process:
        yield redis_url(plan), process


def redis_plan(folder: Path, *settings: str) -> Plan:
    """For those who start it again, too."""
    words = ("valkey-server", "--save", "", *settings)
    box = Box("redis", (), frozenset(), {}, words, (), (), {}, NativeBox("redis"))
    return plan_for(box, folder, {"REDIS_PASSWORD": PASSWORD})


def redis_url(plan: Plan) -> str:
    return f"redis://:{PASSWORD}@127.0.0.1:{plan.port}/0"
