"""Lab 4's rate limit: whether one client gets exactly its rate from three copies together, and what the check costs a
POST, beside lab 3's service on the same servers, which has none."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import cast

import orjson
import redis

from bench.figure import Figure
from bench.servers import database, postgres, redis_and_kafka, server
from infra.experiment.keepalive import Connection

LIMIT = 50  # links a second
COPIES = 3
SECONDS = 25.0
SENDERS = 6
FLOOD = 3 * LIMIT  # POSTs a second
NEAR = 0.01  # of the limit
POSTS, ROUNDS = 100, 9


@dataclass(frozen=True)
class Posted:
    at: float
    status: int


def run() -> list[Figure]:
    with contextlib.ExitStack() as stack:
        url = database(stack.enter_context(postgres()), "limited", 0)
        servers = stack.enter_context(redis_and_kafka())
        variables = {**servers, "DATABASE_URL": url, "LAB": "4"}
        cache = stack.enter_context(redis.Redis.from_url(servers["REDIS_URL"]))
        with contextlib.ExitStack() as copies:
            limited = {**variables, "RATE_LIMIT": str(LIMIT), "RATE_BURST": str(2 * LIMIT)}
            ports = [copies.enter_context(server("shortener", **limited)) for _ in range(COPIES)]
            rate = granted(flood(ports))
        free = {**variables, "RATE_LIMIT": "1000000", "RATE_BURST": "1000000"}
        with_it = stack.enter_context(server("shortener", **free))
        without = stack.enter_context(server("shortener", **{**variables, "LAB": "3"}))
        return [exact(rate), *cost(cache, with_it, without)]


def exact(rate: float) -> Figure:
    met, target = abs(rate / LIMIT - 1) <= NEAR, f"within {NEAR:.0%} of the limit"
    name = f"links a second that one client gets from {COPIES} copies ({rate / LIMIT - 1:+.2%})"
    return Figure(name, rate, "links/s", target, met, LIMIT, "the limit")


def flood(ports: Sequence[int]) -> list[Posted]:
    """What became of POSTs at a multiple of the limit, sent to the copies in turn."""
    found, begin = list[Posted](), time.monotonic()

    def send(number: int) -> None:
        with contextlib.ExitStack() as stack:
            doors = [stack.enter_context(Connection(("127.0.0.1", port))) for port in ports]
            for turn, door in zip(itertools.count(number, SENDERS), itertools.cycle(doors)):
                due = begin + turn / FLOOD
                if due > begin + SECONDS:
                    break
                time.sleep(max(0.0, due - time.monotonic()))
                status = post(door)
                found.append(Posted(time.monotonic(), status))

    senders = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return sorted(found, key=lambda one: one.at)


def post(door: Connection) -> int:
    return door.ask("POST", "/links", orjson.dumps({"url": "https://example.com/limited"})).status


def granted(posted: Sequence[Posted]) -> float:
    """Links a second from the first refusal on: by then the bucket was empty, and what came later was its refill."""
    assert {one.status for one in posted} <= {201, 429}, "some answers were neither a link nor a refusal"
    empty = next(one.at for one in posted if one.status == 429)
    made = [one.at for one in posted if one.status == 201 and one.at > empty]
    return len(made) / (made[-1] - empty)


def cost(cache: redis.Redis, with_it: int, without: int) -> list[Figure]:
    trips: dict[int, list[float]] = {with_it: [], without: []}
    seconds: dict[int, list[float]] = {with_it: [], without: []}
    with contextlib.ExitStack() as stack:
        doors = {port: stack.enter_context(Connection(("127.0.0.1", port))) for port in trips}
        for door in doors.values():
            assert post(door) == 201  # the script is known to Redis from now on
        for _ in range(ROUNDS):
            for port, door in doors.items():
                before = round_trips(cache)
                seconds[port] += [timed(door) for _ in range(POSTS)]
                trips[port].append((round_trips(cache) - before - 1) / POSTS)  # one was the question itself
    more, less = median(trips[with_it]), median(trips[without])
    slow, quick = (1000 * median(seconds[port]) for port in (with_it, without))
    return [
        Figure(
            "round trips to Redis of a POST", more, "", "at most 1 over the baseline", more - less <= 1, less, "lab 3"
        ),
        Figure("POST p50 with the limit", slow, "ms", "none", True, quick, "lab 3, without"),
    ]


def round_trips(cache: redis.Redis) -> int:
    """How often Redis has read from a connection: once for each round trip, however many commands came in it."""
    return int(cast("dict[str, int]", cache.info("stats"))["total_reads_processed"])


def timed(door: Connection) -> float:
    began = time.perf_counter()
    assert post(door) == 201
    return time.perf_counter() - began
