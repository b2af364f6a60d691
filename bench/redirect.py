"""Redirects a second of each lab, one worker each, beside a bare Starlette 302: short rounds, taking turns.

Those of lab 3 come from the warm cache, and each is published as a click."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from statistics import median

from bench.figure import Figure
from bench.servers import database, hammer, links_file, postgres, redis_and_kafka, sample, server

LINKS = 10_000
WARM = 1_000  # links that lab 3 is asked for: each of them is in the cache soon, and again soon after it expires
ROUNDS = 7
SECONDS = 1.5
LEAST = {"lab 1": 0.75, "lab 2": 0.55, "lab 3": 0.55}  # of the bare server's
MOST_P99 = 2.5  # times the bare server's, lab 3's

Rounds = list[dict[str, dict[str, float]]]


def run() -> list[Figure]:
    with contextlib.ExitStack() as stack:
        url = database(stack.enter_context(postgres()), "redirects", LINKS)
        file, paths = links_file(Path(stack.enter_context(tempfile.TemporaryDirectory())), LINKS)
        lab3 = stack.enter_context(redis_and_kafka())
        contenders = {
            "bare": (stack.enter_context(server("bench.bare")), paths),
            "lab 1": (stack.enter_context(server("shortener", LAB="1", LINKS_FILE=str(file))), paths),
            "lab 2": (stack.enter_context(server("shortener", LAB="2", DATABASE_URL=url)), sample(url, LINKS)),
            "lab 3": (stack.enter_context(server("shortener", DATABASE_URL=url, **lab3)), sample(url, WARM)),
        }
        for port, its_paths in contenders.values():
            hammer(port, its_paths, 2 * SECONDS)  # by then the cache is warm
        rounds = [
            {name: hammer(port, its_paths, SECONDS) for name, (port, its_paths) in contenders.items()}
            for _ in range(ROUNDS)
        ]
    return [*[figure(name, least, rounds) for name, least in LEAST.items()], p99(rounds)]


def figure(name: str, least: float, rounds: Rounds) -> Figure:
    """The share is the median of each round's own: what disturbs a round disturbs both sides of it."""
    share = median(each[name]["rate"] / each["bare"]["rate"] for each in rounds)
    return Figure(
        f"redirect, {name} ({share:.2f} of the baseline)",
        median(each[name]["rate"] for each in rounds),
        "requests/s",
        f"at least {least} of the baseline",
        share >= least,
        median(each["bare"]["rate"] for each in rounds),
        "bare Starlette 302",
    )


def p99(rounds: Rounds) -> Figure:
    share = median(each["lab 3"]["p99"] / each["bare"]["p99"] for each in rounds)
    return Figure(
        f"redirect p99, lab 3 ({share:.2f} times the baseline)",
        1000 * median(each["lab 3"]["p99"] for each in rounds),
        "ms",
        f"at most {MOST_P99} times the baseline",
        share <= MOST_P99,
        1000 * median(each["bare"]["p99"] for each in rounds),
        "bare Starlette 302, 64 connections",
    )
