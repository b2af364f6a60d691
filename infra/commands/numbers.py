"""`lab numbers`: the latency numbers to know by heart, measured here, beside the textbook's."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.table import Table

from infra.commands.context import standing
from infra.errors import LabError
from infra.project import LAB_HOME
from labs.lab1_file.latency.figures import Figure, in_words, measure


def numbers() -> None:
    """Measure this machine's latency numbers (about 5 s) and set them beside the textbook's."""
    rows: list[Figure] = []
    console = Console(highlight=False)
    with Live(_table(rows), console=console, transient=False) as live:
        for row in measure(LAB_HOME, _stage_address()):
            rows.append(row)
            live.update(_table(rows), refresh=True)
    console.print(
        "\nMedians. Memory: the best of three walks, less what a step costs Python itself (in the nearest cache)."
    )


def _stage_address() -> tuple[str, int] | None:
    try:
        runtime = standing()
        return runtime.address("app") if runtime else None
    except LabError:
        return None


def _table(rows: list[Figure]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what", no_wrap=True)
    for column in ("textbook", "here", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("what it means")
    for row in rows:
        textbook = in_words(row.textbook) if row.textbook is not None else "-"
        here = in_words(row.here) if row.here is not None else "-"
        ratio = f"{row.ratio:.2g} x" if row.ratio is not None else ""
        table.add_row(row.what, textbook, here, ratio, row.meaning)
    return table
