"""`make bench`: each figure of the README beside its baseline in one run, with the machine it was measured on."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from dataclasses import asdict

import psutil
from rich.console import Console
from rich.table import Table

from bench.figure import Figure

BENCHES = (
    *("redirect", "seed", "get_p99", "clicks", "balancer", "kills", "limiter", "restore"),
    *("session_reads", "failover"),
    *("stage_up", "checks", "size"),
)


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, Python {python}"


def main() -> int:
    """`python -m bench [NAME ...] [--json]`. Exit 1 when a figure misses its target."""
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")] or list(BENCHES)
    unknown = set(wanted) - set(BENCHES)
    if unknown:
        print(f"There is no benchmark {', '.join(sorted(unknown))}. There are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for name in wanted:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        figures += importlib.import_module(f"bench.{name}").run()
    if "--json" in sys.argv:
        print(json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}, indent=2))
    else:
        _print(figures)
    return 0 if all(figure.met for figure in figures) else 1


def _print(figures: list[Figure]) -> None:
    table = Table(title=f"Measured on {machine()}", title_justify="left")
    for column in ("", "what", "measured", "baseline", "target"):
        table.add_column(column)
    for figure in figures:
        baseline = "" if figure.baseline is None else f"{figure.baseline:,.4g} {figure.unit} ({figure.baseline_name})"
        mark = "✓" if figure.met else "✗"
        table.add_row(mark, figure.name, f"{figure.value:,.4g} {figure.unit}", baseline, figure.target)
    Console(highlight=False).print(table)


if __name__ == "__main__":
    sys.exit(main())
