"""The failure matrix as a page: `make matrix` runs its tests, which write a line a cell, and makes the page of them.

python -m checks.matrix.page RECORDS...   prints the page of the records of one or both runtimes"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_HEAD = """# What breaks, and what the clients see of it

Each box and each link of each lab, struck by each fault, in both runtimes. Reads follow one link, writes make new ones,
ten a second each while the fault is in force. *Failed* counts what was not served; *gap* is the longest time without a
served one. *Healed* is how long `lab heal` took until every box was ready again. What a client must meet there, and
that nothing acknowledged is lost, is tested (`checks/matrix/test_matrix.py`); the figures are one run's, made by `make
matrix`.
"""


def read(files: Iterable[Path]) -> list[dict[str, Any]]:
    """The cells of those files, in the order in which they were written."""
    return [json.loads(line) for file in files for line in file.read_text().splitlines() if line]


def page(cells: Sequence[dict[str, Any]]) -> str:
    """Raises ValueError when there is none."""
    if not cells:
        raise ValueError("no cell was recorded: run `make matrix`")
    parts = [_HEAD, _machines(cells)]
    for lab in sorted({cell["lab"] for cell in cells}):
        parts.append(_table(lab, [cell for cell in cells if cell["lab"] == lab]))
    return "\n".join(parts)


def _machines(cells: Sequence[dict[str, Any]]) -> str:
    runs = {cell["runtime"]: f"{cell['runtime']}: {cell['machine']}, {cell['day']}" for cell in cells}
    return "Runs: " + "; ".join(runs.values()) + ".\n"


def _table(lab: int, cells: Sequence[dict[str, Any]]) -> str:
    runtimes = list(dict.fromkeys(cell["runtime"] for cell in cells))
    columns = ["fault", "what a client meets", *runtimes]
    lines = [f"## Lab {lab}\n", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for fault in dict.fromkeys(cell["fault"] for cell in cells):
        of_fault = {cell["runtime"]: cell for cell in cells if cell["fault"] == fault}
        meets = next(iter(of_fault.values()))["meets"]
        shown = [_cell(of_fault[name]) if name in of_fault else "not run" for name in runtimes]
        lines.append("| " + " | ".join([fault, meets, *shown]) + " |")
    return "\n".join(lines) + "\n"


def _cell(cell: dict[str, Any]) -> str:
    if cell.get("inconclusive"):
        return "cannot be injected"
    parts = [
        f"reads {cell['reads_failed']} of {cell['reads']} failed{_gap(cell['read_gap'])}",
        f"writes {cell['writes_failed']} of {cell['writes']} failed{_gap(cell['write_gap'])}",
        f"healed in {cell['healed']:.1f} s",
    ]
    return "<br>".join(parts)


def _gap(seconds: float) -> str:
    return f", gap {seconds:.1f} s" if seconds >= 0.5 else ""


if __name__ == "__main__":
    try:
        print(page(read(Path(name) for name in sys.argv[1:])))
    except (OSError, ValueError) as error:
        sys.exit(f"The page cannot be made: {error}")
