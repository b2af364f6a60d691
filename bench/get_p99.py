"""The latency of a GET in lab 2 with a million links beside ten thousand: short rounds, taking turns."""

from __future__ import annotations

import contextlib
from statistics import median

from bench.figure import Figure
from bench.servers import database, hammer, postgres, sample, server

FEW, MANY = 10_000, 1_000_000
ROUNDS = 9
SECONDS = 1.0
CONNECTIONS = 8  # few: the latency of an answer, not of the queue before it
MOST = 1.2  # times the baseline


def run() -> list[Figure]:
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(postgres())
        contenders = {}
        for links in (FEW, MANY):
            url = database(address, f"links_{links}", links)
            port = stack.enter_context(server("shortener", LAB="2", DATABASE_URL=url))
            contenders[links] = port, sample(url, FEW)
        for port, paths in contenders.values():
            hammer(port, paths, 2 * SECONDS, CONNECTIONS)
        rounds = [
            {links: hammer(port, paths, SECONDS, CONNECTIONS)["p99"] for links, (port, paths) in contenders.items()}
            for _ in range(ROUNDS)
        ]
    share = median(latencies[MANY] / latencies[FEW] for latencies in rounds)
    return [
        Figure(
            f"GET p99 with {MANY:,} links ({share:.2f} of the baseline)",
            1000 * median(latencies[MANY] for latencies in rounds),
            "ms",
            f"at most {MOST} times the baseline",
            share <= MOST,
            1000 * median(latencies[FEW] for latencies in rounds),
            f"with {FEW:,} links",
        )
    ]
