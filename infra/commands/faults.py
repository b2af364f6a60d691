"""The faults by hand: kill, pause, resume, start, restart, fill a box; cut and slow a link; heal them all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.commands.context import current

Box = Annotated[str, typer.Argument(help="A box, as named in docker-compose.yml, or its alias (`app`).")]


def kill(
    box: Box,
    only: Annotated[str | None, typer.Option(help="One process inside: postgres or patroni, of pg-1 (lab 5).")] = None,
) -> None:
    """Kill a box at once (kill -9). It stays dead until `start` or `heal`."""
    if only is not None:
        current().kill_process(box, only)
        print(f"{only} in {box} is killed, and nothing else there. `make status` shows what comes of it.")
        return
    current().kill(box)
    print(f"{box} is killed. `make status` shows it, `make heal` brings it back.")


def pause(box: Box) -> None:
    """Freeze a box: it keeps its connections and answers nothing."""
    current().pause(box)
    print(f"{box} is frozen. `make resume-{box}` or `make heal` lets it go on.")


def resume(box: Box) -> None:
    """Let a frozen box go on."""
    current().resume(box)
    print(f"{box} goes on.")


def start(
    box: Annotated[str, typer.Argument(help="A dead box; or a lab's number, to lay down its starter.")],
    folder: Annotated[Path, typer.Argument(help="Where the starter goes.")] = Path("my-shortener"),
) -> None:
    """Start a dead box and wait until it is ready; `start 1` lays down lab 1's starter."""
    if box.isdigit():
        from infra.commands.starter import lay_down

        lay_down(int(box), folder)
        return
    current().start(box)
    print(f"{box} is ready.")


def stop(box: Box) -> None:
    """Ask a box to end (SIGTERM). It stays dead until `start` or `heal`."""
    current().stop(box)
    print(f"{box} has ended. `make start-{box}` or `make heal` brings it back.")


def restart(box: Box) -> None:
    """Stop a box and start it again."""
    current().restart(box)
    print(f"{box} is ready again.")


def fill(box: Box) -> None:
    """The box's disk is full from now on."""
    current().fill(box)
    print(f"{box} cannot write another byte. `make heal` gives it room again.")


def cut(source: Box, target: Box) -> None:
    """Cut the link between two boxes: what they send each other vanishes."""
    current().cut(source, target)
    print(f"Nothing passes between {source} and {target}. `make heal` joins them again.")


def slow(
    source: Box,
    target: Box,
    delay: Annotated[float, typer.Option(help="Seconds more in each direction.", min=0.001, max=60)] = 0.1,
) -> None:
    """Slow the link between two boxes."""
    current().slow(source, target, delay)
    print(f"Each way between {source} and {target} takes {delay:g} s longer. `make heal` ends that.")


def drain(box: Box) -> None:
    """The balancer sends a copy no new requests; those in flight end first (from lab 4 on)."""
    current().drain(box)
    print(f"{box} has nothing in flight and gets no new requests. `lab admit {box}` or `make heal` lets it in again.")


def admit(box: Box) -> None:
    """The balancer sends a drained copy requests again."""
    current().admit(box)
    print(f"{box} gets requests again.")


def heal() -> None:
    """Undo every fault and wait until all boxes are ready."""
    runtime = current()
    undone = runtime.faults()
    runtime.heal()
    for fault in undone:
        print(f"  undone: {fault}")
    print("Every box is ready.")
