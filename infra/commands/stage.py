"""`lab up`, `down`, `status`, `logs` and `connect`: a stage stands, is looked at, and goes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra import state
from infra.balancer import STATISTICS_PORT
from infra.commands.cluster import database, nodes
from infra.commands.context import current, project_name, say, standing, wanted_project
from infra.commands.copies import Seen, seen
from infra.errors import LabError
from infra.project import LAB_HOME, Project
from infra.runtime.choose import choose, open_runtime
from infra.runtime.docker import half_up
from infra.runtime.drains import is_balancer
from infra.runtime.protocol import BoxStatus, Runtime

if TYPE_CHECKING:
    from infra.failover.cluster import Node

_MARKS = {"running": "[green]running[/]", "paused": "[yellow]paused[/]", "dead": "[red]dead[/]", "completed": "done"}


def up(lab: Annotated[int, typer.Argument(help="Which lab's stage, such as 2.")]) -> None:
    """Bring a lab's stage up and wait until it is ready."""
    began = time.monotonic()
    project = wanted_project(lab)
    runtime = runtime_for(project)
    runtime.up(say)
    took = time.monotonic() - began
    print(f"\nLab {lab} is ready ({took:.1f} s): {project.base_url}\n")
    boxes = runtime.status()
    _print_boxes(boxes, {**seen(runtime, boxes), **nodes(runtime, boxes)})
    _print_next(lab, project, runtime)


def runtime_for(project: Project) -> Runtime:
    """The runtime to use; a stage of another lab, app, port or runtime that stands under this name goes down first."""
    remembered = state.load(project.name)
    wanted = os.environ.get("RUNTIME")
    if remembered and remembered[0].lab == project.lab:  # what `lab scale` and `lab deploy` made of it stays
        project = replace(project, copies=remembered[0].copies, variables=remembered[0].variables)
    if remembered and not wanted and remembered[0].lab == project.lab:
        name, reason = remembered[1], "the stage stands in it already"
    else:
        name, reason = choose(wanted)
    print(f"Lab {project.lab} in the {name} runtime: {reason}.")
    if remembered and remembered != (project, name):
        old, old_runtime = remembered
        say(
            f"lab {old.lab} ({old_runtime}, port {old.port}) stands under this name: it goes down first, its data stays"
        )
        open_runtime(old, old_runtime).down()
    return open_runtime(project, name)


def _print_next(lab: int, project: Project, runtime: Runtime) -> None:
    said = {name: os.environ.get(name) for name in ("APP", "PROJECT")}
    words = {"PORT": str(project.port) if project.port != 8000 else None, **said}
    suffix = "".join(f" {name}={value}" for name, value in words.items() if value)
    print("Next:")
    document = '{"url": "https://example.com/"}'
    print(f"  curl -i {project.base_url}/links -H 'Content-Type: application/json' -d '{document}'")
    print(f"  make check-{lab}{suffix}      proves the milestone")
    print(f"  make break-{lab}{suffix}      breaks it: predict, run, compare")
    if any(map(is_balancer, runtime.stage.boxes)):
        host, port = runtime.address("balancer", STATISTICS_PORT)
        print(f"  make scale-5{suffix}      more copies; make deploy{suffix} replaces each, one after another")
        print(f"  http://{host}:{port}/      the balancer's statistics page")


def down(
    volumes: Annotated[bool, typer.Option("--volumes", "-v", help="Remove the stage's data too.")] = False,
) -> None:
    """Take the stage down. Its data stays unless --volumes."""
    runtime = standing()
    swept = _sweep_abandoned(project_name())
    if runtime is None:
        kept = LAB_HOME / project_name() / "volumes"
        if volumes and kept.exists():
            name = "docker" if (kept / half_up.KEPT).exists() else "local"
            open_runtime(Project(project_name(), lab=1), name).down(volumes=True)
            print("No stage stood; its kept data is removed.")
        elif not swept:
            print("No stage stands: there is nothing to take down.")
        return
    runtime.down(volumes=volumes)
    print("The stage is down." + ("" if volumes else " Its data is kept; `lab down --volumes` removes that too."))


def _sweep_abandoned(name: str) -> int:
    """Take down what a killed `lab check` or `lab break` left: stages of their own, named after this project."""
    swept = 0
    for folder in sorted(LAB_HOME.glob(f"{name}-*-*")):
        remembered = state.load(folder.name)
        if remembered is None or state.owner_lives(remembered[0]):
            continue
        open_runtime(*remembered).down(volumes=True)
        say(f"{folder.name}, left behind by a command that was killed, is down too")
        swept += 1
    return swept


def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Which boxes stand, where, with how much memory, and which faults are in force."""
    runtime = standing()
    if runtime is None:
        print(json.dumps({"lab": None, "boxes": []}) if as_json else "No stage stands. Bring one up: `make lab-3`.")
        return
    project, name = _remembered()
    boxes, faults = runtime.status(), runtime.faults()
    copies, members = seen(runtime, boxes), nodes(runtime, boxes)
    if as_json:
        record: dict[str, object] = {
            "project": project.name,
            "lab": project.lab,
            "runtime": name,
            "url": project.base_url,
        }
        record["boxes"] = [asdict(box) for box in boxes]
        record["copies"] = {name: asdict(copy) for name, copy in copies.items()}
        record["nodes"] = {name: asdict(node) for name, node in members.items()}
        print(json.dumps(record | {"faults": faults}))
        return
    print(f"Lab {project.lab}, {name} runtime, project {project.name}: {project.base_url}\n")
    _print_boxes(boxes, {**copies, **members})
    for fault in faults:
        print(f"Fault in force: {fault}")
    if faults:
        print("`make heal` undoes it." if len(faults) == 1 else "`make heal` undoes them.")


def _remembered() -> tuple[Project, str]:
    remembered = state.load(project_name())
    if remembered is None:
        raise LabError("No stage stands. Bring one up first, such as with `make lab-3`.")
    return remembered


def _print_boxes(boxes: list[BoxStatus], notes: Mapping[str, Seen | Node]) -> None:
    """`notes` say by name what others think of a box: the balancer of a copy, the cluster of a node."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("box", "state", "address", "memory", ""):
        table.add_column(column, justify="right" if column == "memory" else "left")
    for box in boxes:
        memory = f"{box.memory / 2**20:.0f} MB" if box.memory else ""
        ready = "" if box.ready or box.state != "running" else "not ready"
        words = [box.detail or ready, *([str(notes[box.name])] if box.name in notes else [])]
        mark = _MARKS.get(box.state, box.state)
        table.add_row(box.name, mark, box.address or "", memory, "; ".join(word for word in words if word))
    total = sum(box.memory or 0 for box in boxes)
    table.add_row("in all", "", "", f"{total / 2**20:.0f} MB", "", style="dim")
    Console(highlight=False).print(table)
    print()


def logs(
    box: Annotated[str, typer.Argument(help="A box, as named in docker-compose.yml.")],
    lines: Annotated[int, typer.Option(min=1, help="How many of its last lines.")] = 50,
) -> None:
    """The last lines that a box wrote."""
    print(current().logs(box, lines=lines), end="")


def connect(
    box: Annotated[
        str | None,
        typer.Argument(help="postgres, redis, kafka, balancer, etcd, pg-1; without one: Postgres, or who leads there."),
    ] = None,
) -> None:
    """Open a box's own client, such as psql."""
    runtime = current()
    command = runtime.connect(box or database(runtime))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise LabError(f"{command[0]} cannot be started ({error.strerror}). Is it installed?") from error
