"""More POSTs than the limit allows, and how many links it may have let through meanwhile: exactly. Lab 4."""

from __future__ import annotations

import itertools
import json
import math
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from checks.plugin.copies import copy_at, names
from checks.plugin.service import JSON, Answer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed

CLIENTS = 6
LONGEST = 6.0  # seconds until a flood is given up


@dataclass(frozen=True)
class Limit:
    """What the stage grants each client address: a bucket of `burst` tokens that gains `rate` a second."""

    rate: int
    burst: int

    @classmethod
    def of(cls, stand: Stand) -> Limit:
        environment = stand.runtime.stage.box(names(stand)[0]).environment
        return cls(int(environment["RATE_LIMIT"]), int(environment["RATE_BURST"]))

    def __str__(self) -> str:
        return f"{self.rate} links a second and {self.burst} at once"


@dataclass(frozen=True)
class Try:
    """One POST, on the monotonic clock. When it was counted lies between `start` and `end`."""

    start: float
    end: float
    answer: Answer


@dataclass(frozen=True)
class Flood:
    tries: tuple[Try, ...]

    def of(self, *statuses: int) -> list[Try]:
        return [one for one in self.tries if one.answer.status in statuses]

    @property
    def made(self) -> list[Try]:
        return self.of(201)

    @property
    def refused(self) -> list[Try]:
        return self.of(429)

    def most(self, limit: Limit) -> float:
        """The links that a full bucket can have let through: it gained from the first POST to the last that passed."""
        first, last = min(one.start for one in self.tries), max(one.end for one in self.made)
        return limit.burst + limit.rate * (last - first)

    def least(self, limit: Limit) -> float:
        """The POSTs that must have passed: what the bucket held and gained since it was full, but for less than the one
        token that the last refused POST did not find."""
        last = max(one.start for one in self.refused)
        return limit.burst - 1 + limit.rate * (last - self._last_full(limit, last))

    def _last_full(self, limit: Limit, until: float) -> float:
        """The last moment when the bucket can have been full: not while it has given away more than it gained, nor too
        soon after a refusal. What it would gain while full is lost, and nobody can have got it."""
        by_end = sorted(self.tries, key=lambda one: one.end)
        first, full = min(one.start for one in self.tries), min(by_end[0].end, until)
        made, refused_at = 0, -math.inf
        for one in by_end:
            now = min(one.end, until)
            gained, since_refusal = limit.rate * (now - first), limit.rate * (now - refused_at)
            if made <= gained and limit.burst <= 1 + since_refusal:
                full = now
            if one.end > until:
                break
            made += one.answer.status == 201
            refused_at = max(refused_at, one.start if one.answer.status == 429 else -math.inf)
        return full


def flood(
    services: Sequence[Service], headers: Callable[[], Mapping[str, str]], seconds: float, clients: int = CLIENTS
) -> Flood:
    """POST to the services in turn, as fast as they answer, for so many seconds beyond the first 429.

    Raises CheckFailed for an answer that is neither a link nor the limit's, nor a 503 of a busy service."""
    tries: list[Try] = []
    turns = itertools.cycle(services)
    given_up, refused = time.monotonic() + LONGEST, threading.Event()
    end = [given_up]

    def post() -> None:
        while time.monotonic() < end[0]:
            start = time.monotonic()
            body = json.dumps({"url": f"https://example.com/flood/{random.getrandbits(48):x}"}).encode()
            answer = next(turns).request("POST", "/links", body, {**JSON, **headers()})
            tries.append(Try(start, time.monotonic(), answer))
            if answer.status == 429 and not refused.is_set():
                refused.set()
                end[0] = min(given_up, time.monotonic() + seconds)

    with ThreadPoolExecutor(clients) as pool:
        for client in [pool.submit(post) for _ in range(clients)]:
            client.result()
    for one in tries:
        if one.answer.status not in (201, 429, 503):
            did, expected = "Sent many POST /links.", "201, or 429 over the limit"
            raise CheckFailed(did=did, expected=expected, got=str(one.answer), request=one.answer.curl)
    return Flood(tuple(tries))


def fresh_client() -> dict[str, str]:
    """A client that nobody has seen, as the balancer would forward it: its bucket is full."""
    return {"X-Forwarded-For": f"198.18.{random.randrange(256)}.{random.randrange(1, 255)}"}


def each_copy(stand: Stand) -> list[Service]:
    """Every copy at its own address, none of which waits when it is refused."""
    return [copy_at(stand, name, patient=False) for name in names(stand)]
