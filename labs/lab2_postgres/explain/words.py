"""Each step of a plan as a sentence that needs no manual."""

from __future__ import annotations

from collections.abc import Callable

from labs.lab2_postgres.explain.plan import Node


def sentence(node: Node) -> str:
    """What this step did."""
    return _SENTENCES.get(node.kind, _unknown)(node) + _guess(node)


def count(number: int, noun: str) -> str:
    """Such as `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _seq_scan(node: Node) -> str:
    table, looked_at = node.details.get("Relation Name", "the table"), node.rows + node.dropped_rows
    return (
        f"Reads {table} from its first page to its last, {count(node.pages, 'page')}:"
        f" {count(looked_at, 'row')} looked at, {node.dropped_rows:,} of them in vain. Twice the table, twice the time."
    )


def _index_scan(node: Node) -> str:
    return (
        f"Walks down the B-tree {node.details.get('Index Name', '')} to the first match and reads from there:"
        f" {count(node.rows, 'row')}, {count(node.pages, 'page')}."
        " The rest of the table is not touched, however large it grows."
    )


def _index_only_scan(node: Node) -> str:
    return (
        f"Finds everything in the B-tree {node.details.get('Index Name', '')} itself: {count(node.rows, 'row')},"
        f" {count(node.pages, 'page')}, and {count(node.details.get('Heap Fetches', 0), 'look')} into the table."
    )


def _bitmap_index_scan(node: Node) -> str:
    return (
        f"Collects from the B-tree {node.details.get('Index Name', '')} on which pages the matches lie,"
        f" {node.rows:,} of them, before any is read."
    )


def _bitmap_heap_scan(node: Node) -> str:
    table = node.details.get("Relation Name", "the table")
    return f"Reads just those pages of {table}, each once: {count(node.rows, 'row')}."


def _sort(node: Node) -> str:
    key = ", ".join(node.details.get("Sort Key", [])) or "the wanted order"
    kilobytes = node.details.get("Sort Space Used", 0)
    place = (
        "on disk, because it did not fit in work_mem" if node.details.get("Sort Space Type") == "Disk" else "in memory"
    )
    return (
        f"Sorts the rows that came by {key}, {place} ({kilobytes} kB). It can hand on nothing before it has them all."
    )


def _limit(node: Node) -> str:
    return f"Hands on {count(node.rows, 'row')} and then stops asking the step below for more."


def _gather(node: Node) -> str:
    workers = node.details.get("Workers Launched", 0)
    return f"Collects what {workers} helper processes and this one found: they share the work below, on several cores."


def _unknown(node: Node) -> str:
    manual = f"(The Postgres manual's chapter «Using EXPLAIN» tells what a {node.kind} is.)"
    return f"Handed on {count(node.rows, 'row')}. {manual}"


def _guess(node: Node) -> str:
    """A remark when the planner's guess was far off, for its choice rests on the guess."""
    low, high = sorted((max(node.rows, 1), max(node.guessed_rows, 1)))
    if node.kind == "Limit" or high < 10 * low or high < 100:
        return ""
    return f" The planner had guessed {count(node.guessed_rows, 'row')}: ANALYZE would refresh what it knows."


_SENTENCES: dict[str, Callable[[Node], str]] = {
    "Seq Scan": _seq_scan,
    "Index Scan": _index_scan,
    "Index Only Scan": _index_only_scan,
    "Bitmap Index Scan": _bitmap_index_scan,
    "Bitmap Heap Scan": _bitmap_heap_scan,
    "Sort": _sort,
    "Incremental Sort": _sort,
    "Limit": _limit,
    "Gather": _gather,
    "Gather Merge": _gather,
}
