"""How long a warm stage takes to stand and to go, typed as a learner does; beside it, in docker, bare Compose."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable

from bench.figure import Figure
from checks.matrix.stage_fixture import free_port
from infra.project import LAB_HOME, ROOT, Project, default_name
from infra.runtime.docker.compose import command as compose_command
from infra.runtime.docker.compose import variables as compose_variables
from infra.runtime.docker.engine import obstacle
from infra.runtime.docker.images import which
from infra.runtime.local.process import BoxProcess

ROUNDS = 5
READY_WITHIN = {1: 1.5, 2: 3.0, 3: 8.0, 4: 10.0, 5: 15.0}  # seconds
DOWN_WITHIN = {1: 2.0, 2: 2.0, 3: 4.0, 4: 5.0, 5: 8.0}
MEMORY = {3: 0.8, 4: 0.8, 5: 1.5}  # GB, of all boxes together
OVER_COMPOSE = 2.0
AGAIN_WITHIN = 2.0
WARM_WITHIN = 240.0


def run() -> list[Figure]:
    figures = [figure for lab in (1, 2, 3, 4, 5) for figure in _local(lab)]
    if obstacle() is None:
        figures += [figure for lab in (1, 2) for figure in _docker(lab)]
    return figures


def _local(lab: int) -> list[Figure]:
    ups, downs = [], []
    environment = _environment("local")
    _make(environment, f"lab-{lab}")
    warm(environment["PROJECT"])
    used = _memory(environment)
    _make(environment, "down")
    for _ in range(ROUNDS):
        ups.append(_seconds(lambda: _make(environment, f"lab-{lab}")))
        downs.append(_seconds(lambda: _make(environment, "down")))
    _forget(environment)
    up, down, most, soon = statistics.median(ups), statistics.median(downs), READY_WITHIN[lab], DOWN_WITHIN[lab]
    figures = [
        Figure(f"make lab-{lab}, local, ready", up, "s", f"at most {most} s", up <= most),
        Figure(f"make down, lab {lab}, local", down, "s", f"at most {soon} s", down <= soon),
    ]
    if lab in MEMORY:
        room = MEMORY[lab]
        figures.append(Figure(f"lab {lab}'s boxes, local", used, "GB", f"at most {room} GB", used <= room))
    return figures


def warm(project: str) -> None:
    """Wait for what a first start makes in the background for the later ones: Kafka's start-up cache."""
    making = [BoxProcess(file) for file in (LAB_HOME / project / "boxes").glob(".*-afterwards.pid")]
    assert all(process.wait(WARM_WITHIN) for process in making)


def _memory(environment: dict[str, str]) -> float:
    """GB of all boxes together, as `lab status` counts them."""
    words = [str(ROOT / ".venv" / "bin" / "lab"), "status", "--json"]
    said = subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    return sum(box["memory"] or 0 for box in json.loads(said)["boxes"]) / 1e9


def _docker(lab: int) -> list[Figure]:
    """The kit and bare Compose take turns on the same file, project, images and variables."""
    environment = _environment("docker")
    _make(environment, f"lab-{lab}")  # builds the image
    _make(environment, "down")
    project = Project(environment["PROJECT"], lab, port=int(environment["PORT"]))
    compose, variables = compose_command(project), compose_variables(project, which())
    ours, again, downs, bare = [], [], [], []
    for _ in range(ROUNDS):
        ours.append(_seconds(lambda: _make(environment, f"lab-{lab}")))
        again.append(_seconds(lambda: _make(environment, f"lab-{lab}")))
        downs.append(_seconds(lambda: _make(environment, "down")))
        bare.append(_seconds(lambda: _run([*compose, "up", "--wait", "--detach", "--no-build"], variables)))
        _run([*compose, "down"], variables)
    _forget(environment)
    kit, down, alone = statistics.median(ours), statistics.median(downs), statistics.median(bare)
    soon = DOWN_WITHIN[lab]
    target, most = f"at most {OVER_COMPOSE} s over the baseline", f"at most {soon} s"
    return [
        Figure(
            f"make lab-{lab}, docker, ready", kit, "s", target, kit <= alone + OVER_COMPOSE, alone, "compose up --wait"
        ),
        _again(lab, statistics.median(again)),
        Figure(f"make down, lab {lab}, docker", down, "s", most, down <= soon),
    ]


def _again(lab: int, took: float) -> Figure:
    target = f"at most {AGAIN_WITHIN} s"
    return Figure(f"make lab-{lab}, docker, stands already", took, "s", target, took <= AGAIN_WITHIN)


def _environment(runtime: str) -> dict[str, str]:
    project = f"{default_name()}-bench-{os.getpid()}"
    return dict(os.environ) | {"RUNTIME": runtime, "PROJECT": project, "PORT": str(free_port())}


def _forget(environment: dict[str, str]) -> None:
    _run([str(ROOT / ".venv" / "bin" / "lab"), "down", "--volumes"], environment)


def _make(environment: dict[str, str], word: str) -> None:
    _run(["make", "--no-print-directory", word], environment)


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def _seconds(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
