"""Redirects a second of labs 1 and 2, one worker each, beside a bare Starlette 302: short rounds, taking turns."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from statistics import median

from bench.figure import Figure
from bench.servers import database, hammer, links_file, postgres, sample, server

LINKS = 10_000
ROUNDS = 7
SECONDS = 1.5
LEAST = {"lab 1": 0.75, "lab 2": 0.55}  # of the bare server's


def run() -> list[Figure]:
    with contextlib.ExitStack() as stack:
        url = database(stack.enter_context(postgres()), "redirects", LINKS)
        file, paths = links_file(Path(stack.enter_context(tempfile.TemporaryDirectory())), LINKS)
        contenders = {
            "bare": (stack.enter_context(server("bench.bare")), paths),
            "lab 1": (stack.enter_context(server("shortener", LAB="1", LINKS_FILE=str(file))), paths),
            "lab 2": (stack.enter_context(server("shortener", LAB="2", DATABASE_URL=url)), sample(url, LINKS)),
        }
        for port, its_paths in contenders.values():
            hammer(port, its_paths, 0.3)
        rounds = [
            {name: hammer(port, its_paths, SECONDS)["rate"] for name, (port, its_paths) in contenders.items()}
            for _ in range(ROUNDS)
        ]
    return [figure(name, least, rounds) for name, least in LEAST.items()]


def figure(name: str, least: float, rounds: list[dict[str, float]]) -> Figure:
    """The share is the median of each round's own: what disturbs a round disturbs both sides of it."""
    share = median(rates[name] / rates["bare"] for rates in rounds)
    return Figure(
        f"redirect, {name} ({share:.2f} of the baseline)",
        median(rates[name] for rates in rounds),
        "requests/s",
        f"at least {least} of the baseline",
        share >= least,
        median(rates["bare"] for rates in rounds),
        "bare Starlette 302",
    )
