"""A real etcd of one's own for tests: the stage's native box."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from checks.unit.native import plan_for, running
from infra.boxes.etcd import EtcdBox
from infra.compose.box import Box, NativeBox


@contextlib.contextmanager
def running_etcd(folder: Path) -> Iterator[str]:
    """The address of a native etcd with nothing in it."""
    settings = {"ETCD_NAME": "etcd", "ETCD_DATA_DIR": str(folder / "data")}
    box = Box("etcd", (), frozenset(), settings, ("etcd", "--log-level=warn"), (), (), {}, NativeBox("etcd"))
    plan = plan_for(box, folder, settings, 2379, 2380)
    plan = replace(plan, environment={**plan.environment, **EtcdBox().variables(plan.port)})
    with running(plan):
        yield f"http://127.0.0.1:{plan.port}"
