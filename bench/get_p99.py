"""The latency of a GET among many links beside that among few: short rounds, taking turns.

Lab 2's links are asked for evenly. Lab 3's are asked for as people do (Zipf), and each round begins with a cold cache:
so on both sides some answers come from the database and some from Redis."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from statistics import median

import psycopg
import redis

from bench.figure import Figure
from bench.servers import database, hammer, postgres, redis_and_kafka, sample, server

FEW = 10_000
ROUNDS = 9
SECONDS = 1.0
CONNECTIONS = 8  # few: the latency of an answer, not of the queue before it
MOST = 1.2  # times the baseline
REQUESTS = 50_000  # drawn for a round; more than are sent in it

Contenders = dict[int, tuple[int, list[str], Callable[[], None]]]  # by links: the port, the paths, what comes before


def run() -> list[Figure]:
    return [lab2(1_000_000), lab3(10_000_000)]


def lab2(many: int) -> Figure:
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(postgres())
        contenders: Contenders = {}
        for links in (FEW, many):
            url = database(address, f"links_{links}", links)
            port = stack.enter_context(server("shortener", LAB="2", DATABASE_URL=url))
            contenders[links] = port, sample(url, FEW), lambda: None
        return measure("lab 2", many, contenders)


def lab3(many: int) -> Figure:
    with contextlib.ExitStack() as stack:
        address, variables = stack.enter_context(postgres()), stack.enter_context(redis_and_kafka())
        cache = stack.enter_context(redis.Redis.from_url(variables["REDIS_URL"]))
        contenders: Contenders = {}
        for links in (FEW, many):
            url = database(address, f"links_{links}", links)
            port = stack.enter_context(server("shortener", DATABASE_URL=url, **variables))
            contenders[links] = port, zipf(url, links), cache.flushall
        return measure("lab 3, Zipf and cold", many, contenders)


def zipf(url: str, links: int) -> list[str]:
    """The paths of REQUESTS draws from all of the links, of which the one in place n comes in proportion to 1/n."""
    places = [int(links ** random.random()) for _ in range(REQUESTS)]
    distinct = set(places)
    percent = min(100.0, 110 * (len(distinct) + 1000) / links)
    with psycopg.connect(url) as connection:
        query = f"SELECT id FROM links TABLESAMPLE BERNOULLI ({percent}) ORDER BY random()"
        paths = dict(zip(distinct, (f"/{link_id}" for (link_id,) in connection.execute(query.encode())), strict=False))
    return [paths[place] for place in places]


def measure(name: str, many: int, contenders: Contenders) -> Figure:
    def a_round(seconds: float) -> dict[int, float]:
        p99: dict[int, float] = {}
        for links, (port, paths, prepare) in contenders.items():
            prepare()
            p99[links] = hammer(port, paths, seconds, CONNECTIONS)["p99"]
        return p99

    a_round(2 * SECONDS)
    rounds = [a_round(SECONDS) for _ in range(ROUNDS)]
    share = median(p99[many] / p99[FEW] for p99 in rounds)
    return Figure(
        f"GET p99 with {many:,} links, {name} ({share:.2f} of the baseline)",
        1000 * median(p99[many] for p99 in rounds),
        "ms",
        f"at most {MOST} times the baseline",
        share <= MOST,
        1000 * median(p99[FEW] for p99 in rounds),
        f"with {FEW:,} links",
    )
