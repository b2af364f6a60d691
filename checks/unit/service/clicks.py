"""Click events for the tests: made, put into Kafka, and found again as counts."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable

import orjson
import psycopg

_numbers = itertools.count()

LINKS = [f"link{number:03}" for number in range(200)]


def click(link_id: object) -> bytes:
    event = {"event_id": f"test-{next(_numbers)}", "link_id": link_id, "at": "2026-11-22T17:00:00.000+00:00"}
    return orjson.dumps(event)


def some_links(count: int, seed: int = 0) -> list[str]:
    """The first ones far more often than the last ones."""
    weights = [1 / (place + 1) for place in range(len(LINKS))]
    return random.Random(seed).choices(LINKS, weights, k=count)


def clicks_on(links: Iterable[str]) -> list[bytes]:
    return [click(link_id) for link_id in links]


def counted(url: str) -> Counter[str]:
    """What the worker has counted in that database."""
    with psycopg.connect(url) as connection:
        return Counter(dict(connection.execute("SELECT link_id, clicks FROM click_counts").fetchall()))
