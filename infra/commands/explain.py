"""`lab explain`: the plan of GET /links?url= without and with its index, each step in words."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from infra.commands.context import current

if TYPE_CHECKING:
    from infra.runtime.protocol import Runtime
    from labs.lab2_postgres.explain.compare import Comparison
    from labs.lab2_postgres.explain.plan import Node, Plan

_NOTICED = 0.0005  # seconds; a ratio of two shorter times is noise


def explain(
    url: Annotated[str | None, typer.Option(help="The url to look for; one from the table if left out.")] = None,
) -> None:
    """How Postgres finds the links to a url: the plan without the index and with it, in words."""
    from labs.lab2_postgres.database import connect, database_url
    from labs.lab2_postgres.explain.compare import compare
    from labs.lab2_postgres.explain.query import sent_by_service, some_url

    runtime = current()
    with contextlib.closing(connect(database_url(runtime), "lab explain")) as connection:
        _ask_the_service(runtime)
        query = sent_by_service(connection)
        _print(compare(connection, query, url or some_url(connection, query)), Console(highlight=False))


def _ask_the_service(runtime: Runtime) -> None:
    """One GET, so that Postgres has seen the service's own query. A service that is down does not matter here."""
    import httpx

    host, port = runtime.address("app")
    with contextlib.suppress(httpx.HTTPError):
        httpx.get(f"http://{host}:{port}/links", params={"url": "https://example.com/", "limit": 20}, timeout=5)


def _print(found: Comparison, console: Console) -> None:
    from labs.lab2_postgres.explain.compare import SMALL

    console.print("[bold]The query, as the service sends it[/]")
    console.print(f"  {' '.join(found.query.text.split())}", markup=False)
    console.print(f"  url: {found.url}\n", markup=False)
    _print_plan("Without the index", found.before, console)
    console.print(
        "  [dim]Nothing was dropped, for that would lock the table: index scans are off in our transaction.[/]\n"
    )
    _print_plan("With the index" if found.indexed else "As it is", found.after, console)
    console.print()
    for line in _verdict(found, SMALL):
        console.print(line)


def _verdict(found: Comparison, small: int) -> list[str]:
    if not found.indexed:
        lines = ["No index serves this query, so both plans are the same. Add one on (url, …), then explain again."]
    elif found.ratio < 1.5 or found.before.seconds < _NOTICED:
        lines = [f"{', '.join(found.after.indexes())} is used, and saves no time that one could notice here."]
    else:
        lines = [
            f"With [bold]{', '.join(found.after.indexes())}[/] the query is [bold]{found.ratio:,.0f} times[/] as fast."
        ]
    lines.append(f"The table has {found.rows:,} rows. Each plan ran twice; the second run is shown, from warm memory.")
    if found.rows < small:
        lines.append("So small a table is read in a moment either way. `lab seed 1_000_000`, then explain again.")
    return lines


def _print_plan(title: str, plan: Plan, console: Console) -> None:
    tree = Tree(f"[bold]{title}: {plan.seconds * 1000:,.3f} ms[/]", guide_style="dim")
    _grow(tree, plan.root)
    console.print(tree)


def _grow(tree: Tree, node: Node) -> None:
    from labs.lab2_postgres.explain.words import count, sentence

    rows = f"{count(node.rows, 'row')} (guessed {node.guessed_rows:,})"
    head = f"[bold]{node.kind}[/]  {node.seconds * 1000:,.3f} ms, {rows}"
    branch = tree.add(f"{head}\n[dim]{escape(sentence(node))}[/]")
    for below in node.below:
        _grow(branch, below)
