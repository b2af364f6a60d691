"""1,000,000 links lost under writes and restored: how long until a GET is served again, and what is lost for good."""

from __future__ import annotations

import os
import sys

from bench.figure import Figure
from checks.eventually import eventually
from checks.unit.native import free_port
from checks.unit.writer import Writer, is_there
from infra import state
from infra.backup import restore as way
from infra.backup.take import take
from infra.project import Project, default_name
from infra.runtime.choose import open_runtime
from infra.runtime.protocol import Runtime

LINKS = 1_000_000
WRITES = 500  # acknowledged, before the loss
RTO, RPO = 15.0, 1.0  # seconds, at most
PATIENCE = 60.0


def run() -> list[Figure]:
    unlimited = {"RATE_LIMIT": "100000", "RATE_BURST": "100000"}
    project = Project(f"{default_name()}-bench-{os.getpid()}", lab=4, port=free_port(), variables=unlimited)
    runtime = open_runtime(project, os.environ.get("RUNTIME") or "local")
    with state.owned(project):
        try:
            runtime.up(_quiet)
            return measure(runtime, project.port)
        finally:
            runtime.down(volumes=True)


def measure(runtime: Runtime, port: int) -> list[Figure]:
    """RPO: how long the oldest acknowledged link of those that are lost had been under way when the archive lost the
    database, which is a moment after the kill."""
    assert runtime.run("seed", [str(LINKS)]) == 0
    take(runtime)
    writer = Writer(port)
    with writer.at_work():
        assert eventually(lambda: len(writer.rows) >= WRITES, within=PATIENCE), "the service takes no links"
        way.lose(runtime)
    done = way.restore(runtime, None, _quiet)
    assert done.lost is not None, "the archive did not see the loss"
    missing = [row for row in writer.rows if not is_there(port, row.link)]
    age = max((done.lost - row.sent for row in missing), default=0.0)
    print(f"{len(missing)} of {len(writer.rows)} acknowledged links are lost", file=sys.stderr)
    name = f"restore of {LINKS:,} links"
    return [
        Figure(f"{name}, until a GET is served (RTO)", done.seconds, "s", f"at most {RTO:g} s", done.seconds <= RTO),
        Figure(f"{name}, lost under writes (RPO)", age, "s", f"at most {RPO:g} s", age <= RPO),
    ]


def _quiet(_: str) -> None:
    """No progress wanted."""
