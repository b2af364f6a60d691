"""`make bench`: each figure of the README beside its baseline in one run, with the machine it was measured on."""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import platform
import sys
from dataclasses import asdict

import psutil
from rich.console import Console
from rich.table import Table

from bench.figure import Figure
from infra.interrupt import heard_once

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
    asked = _options().parse_args()
    figures: list[Figure] = []
    with heard_once():  # a SIGTERM too lets each benchmark take down what it brought up
        for name in asked.names or BENCHES:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            figures += importlib.import_module(f"bench.{name}").run()
    if asked.json:
        print(json.dumps({"machine": machine(), "figures": [_plain(figure) for figure in figures]}, indent=2))
    else:
        _print(figures)
    return 0 if all(figure.met for figure in figures) else 1


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=BENCHES, help=f"{', '.join(BENCHES)} (all)")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def _plain(figure: Figure) -> dict[str, object]:
    """JSON has no number for what has no end."""
    return asdict(figure) | ({"value": None} if math.isinf(figure.value) else {})


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
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
