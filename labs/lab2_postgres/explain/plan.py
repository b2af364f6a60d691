"""A query plan as a tree: what EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) says, in our words for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PAGE = 8192  # bytes; Postgres reads tables and indexes in pages of that size


@dataclass(frozen=True)
class Node:
    """One step of a plan. `seconds` includes the steps below; rows are of all its loops together."""

    kind: str  # "Seq Scan", "Index Scan", "Sort" ...
    seconds: float
    guessed_rows: int
    rows: int
    dropped_rows: int  # read and thrown away by a filter
    pages: int  # taken from memory or disk, those of the steps below included
    pages_from_disk: int
    details: Mapping[str, Any]
    below: tuple[Node, ...]

    def walk(self) -> Iterator[Node]:
        yield self
        for node in self.below:
            yield from node.walk()


@dataclass(frozen=True)
class Plan:
    """A plan and what it cost to run; `seconds` is the execution, without the planning."""

    root: Node
    seconds: float

    @property
    def rows_read(self) -> int:
        """Rows that the scans looked at, those thrown away included."""
        return sum(node.rows + node.dropped_rows for node in self.root.walk() if "Scan" in node.kind and not node.below)

    def kinds(self) -> set[str]:
        return {node.kind for node in self.root.walk()}

    def indexes(self) -> list[str]:
        """The indexes that the plan uses."""
        return [str(node.details["Index Name"]) for node in self.root.walk() if "Index Name" in node.details]


def read_plan(document: Any) -> Plan:
    """The plan in the document that EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) returns."""
    return Plan(_node(document[0]["Plan"]), document[0]["Execution Time"] / 1000)


def _node(said: Mapping[str, Any], side_by_side: bool = False) -> Node:
    """Postgres says rows and times of one loop on average; parallel workers and inner sides loop more than once.

    `side_by_side`: below a Gather the loops are processes that run at the same time: their times do not add up.
    """
    loops = said.get("Actual Loops", 1)
    shared = side_by_side or said["Node Type"].startswith("Gather")
    return Node(
        kind=said["Node Type"],
        seconds=said["Actual Total Time"] / 1000 * (1 if side_by_side else loops),
        guessed_rows=round(said["Plan Rows"] * loops),
        rows=round(said["Actual Rows"] * loops),
        dropped_rows=round(said.get("Rows Removed by Filter", 0) * loops),
        pages=said.get("Shared Hit Blocks", 0) + said.get("Shared Read Blocks", 0),
        pages_from_disk=said.get("Shared Read Blocks", 0),
        details={key: value for key, value in said.items() if key != "Plans"},
        below=tuple(_node(plan, shared) for plan in said.get("Plans", ())),
    )
