"""`lab failover`, `lab switchover` and `lab replication`: another Postgres node leads, timed as its clients see it; and
how each node stands. Lab 5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.commands.context import current, say
from infra.errors import LabError
from infra.interrupt import heard_once
from infra.runtime.protocol import BoxStatus, Runtime

if TYPE_CHECKING:
    from infra.failover.cluster import Cluster, Node

SYNCHRONOUS, ASYNCHRONOUS = "synchronous", "asynchronous"


def failover(
    fenced: Annotated[
        bool, typer.Option("--fenced", help="Take the lease from the dead node, since we know that it is dead.")
    ] = False,
) -> None:
    """Kill the leader's host while clients write; show when another one leads, and what was lost."""
    from labs.lab5_failover.drill import forced, told

    with heard_once():
        print(told(forced(current(), say, fenced=fenced)))


def switchover() -> None:
    """Hand the lead over to another node while clients write, and show what they saw of it."""
    from labs.lab5_failover.drill import planned, told

    with heard_once():
        print(told(planned(current(), say)))


def replication(
    how: Annotated[str, typer.Argument(help="synchronous: a commit waits for another node; or asynchronous.")],
) -> None:
    """Let commits wait for another node, or for none."""
    from infra.failover.change import set_synchronous

    if how not in (SYNCHRONOUS, ASYNCHRONOUS):
        raise LabError(f"`lab replication {how}` will not do: say {SYNCHRONOUS} or {ASYNCHRONOUS}.")
    set_synchronous(current(), how == SYNCHRONOUS)
    if how == SYNCHRONOUS:
        print("A commit is acknowledged when another node has it too: what is acknowledged outlives the leader.")
    else:
        print("A commit is acknowledged at once. What the others do not have yet is lost with the leader.")


def nodes(runtime: Runtime, boxes: list[BoxStatus]) -> dict[str, Node]:
    """Each node by its box; none before lab 5 or while no node answers."""
    found = _cluster(runtime)
    return {} if found is None else {box.name: found.nodes[box.name] for box in boxes if box.name in found.nodes}


def database(runtime: Runtime) -> str:
    """The box to talk to about the data: the only Postgres, or the node that leads. Raises LabError when none leads."""
    if not any(box.native.kind == "patroni" for box in runtime.stage.boxes):
        return "postgres"
    from infra.failover.cluster import leader_of

    return leader_of(runtime)


def _cluster(runtime: Runtime) -> Cluster | None:
    if not any(box.native.kind == "patroni" for box in runtime.stage.boxes):
        return None
    from infra.failover.cluster import look

    try:
        return look(runtime)
    except LabError:
        return None
