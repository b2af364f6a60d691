"""A stage of the tests' own in the runtime that RUNTIME names: brought up once a module, always taken down."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from infra import state
from infra.project import Project, default_name
from infra.runtime.choose import choose, open_runtime
from infra.runtime.protocol import Runtime


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@contextmanager
def own_stage(lab: int, purpose: str) -> Iterator[tuple[Runtime, Project]]:
    """A ready stage of `lab`, named after `purpose` and this process; its data goes with it."""
    name, _ = choose(os.environ.get("RUNTIME"))
    project = Project(name=f"{default_name()}-{purpose}-{os.getpid()}", lab=lab, port=free_port())
    runtime = open_runtime(project, name)
    with state.owned(project):
        try:
            runtime.up(lambda _: None)
            yield runtime, project
        finally:
            runtime.down(volumes=True)
