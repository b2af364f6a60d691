"""A stage of lab 4 or 5 for the benchmarks, its links, its balancer, and the load beside it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.stage_up import warm
from checks.matrix.stage_fixture import free_port
from infra import state
from infra.balancer import ADMIN_PORT, Balancer
from infra.experiment.load.first_links import make_links
from infra.project import ROOT, Project, default_name
from infra.runtime.choose import open_runtime
from infra.runtime.protocol import Runtime

COPIES = ("app-1", "app-2", "app-3")
LINKS = 1000  # each is in the cache soon, and again soon after it expires
UP = 20.0  # seconds until the balancer has found a copy ready
_NO_LIMIT = {"RATE_LIMIT": "100000", "RATE_BURST": "100000"}


@dataclass(frozen=True)
class Answered:
    """One GET: when it was due on the monotonic clock, how long it took from then, and its status (0: none came)."""

    due: float
    seconds: float
    status: int


@dataclass(frozen=True)
class Stage:
    project: Project
    runtime: Runtime
    paths: list[str]

    @property
    def port(self) -> int:
        """The balancer's."""
        return self.project.port

    def copy_ports(self) -> list[int]:
        return [self.runtime.address(copy)[1] for copy in COPIES]

    def wait_for_the_balancer(self) -> None:
        """Until it sends each copy requests."""
        balancer = Balancer(*self.runtime.address("balancer", ADMIN_PORT))
        for copy in COPIES:
            assert balancer.wait_for(copy, ("UP",), UP), f"the balancer does not find {copy} ready"


@contextlib.contextmanager
def many_copies(runtime: str, lab: int = 4) -> Iterator[Stage]:
    """A whole stage, gone afterwards with its data."""
    project = Project(f"{default_name()}-bench-{os.getpid()}", lab, port=free_port(), variables=_NO_LIMIT)
    opened = open_runtime(project, runtime)
    with state.owned(project):
        try:
            opened.up(lambda sentence: None)
            links = make_links(("127.0.0.1", project.port), LINKS)
            stage = Stage(project, opened, [f"/{link_id}" for link_id, _ in links])
            stage.wait_for_the_balancer()
            warm(project.name)
            yield stage
        finally:
            opened.down(volumes=True)


def paced(ports: Sequence[int], paths: Sequence[str], rate: float, seconds: float) -> list[Answered]:
    """Load for so long. See bench.paced; it runs as a process of its own."""
    with _load(ports, paths, rate, seconds) as process:
        return _answered(process)


@contextlib.contextmanager
def load(ports: Sequence[int], paths: Sequence[str], rate: float) -> Iterator[list[Answered]]:
    """Load as long as the block lasts. What it yields is filled when the block ends."""
    found = list[Answered]()
    with _load(ports, paths, rate, 0) as process:
        yield found
        found += _answered(process)


@contextlib.contextmanager
def _load(ports: Sequence[int], paths: Sequence[str], rate: float, seconds: float) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "bench.paced", ",".join(map(str, ports)), str(rate), str(seconds)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(" ".join(paths) + "\n")
            process.stdin.flush()
            yield process
        finally:
            process.terminate()


def _answered(process: subprocess.Popen[str]) -> list[Answered]:
    said, _ = process.communicate()
    assert not process.returncode, "the load ended badly"
    return [Answered(*row) for row in json.loads(said)]
