"""What a ring is for: a cache in each copy. How many requests find their link there, and what a lost copy does to it.

Worked out, not measured: the kit's own cache stands in Redis, beside the copies, and needs no ring. Lab 4."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from infra.experiment.load.zipf import Zipf
from labs.lab4_many_copies.moved_keys import Place, names
from labs.lab4_many_copies.ring import Ring, by_modulo

REQUESTS = 40_000
AFTER = 2_000  # requests that are looked at once the copy has gone: soon the caches are warm again


@dataclass(frozen=True)
class Hits:
    """Shares of requests that found their link in the cache of the copy that they came to."""

    method: str
    before: float  # once the caches are warm
    just_after: float  # the last copy is gone: the requests that follow at once


class LruCache:
    """Room for so many keys; the one that nobody asked for the longest goes first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._keys: OrderedDict[str, None] = OrderedDict()

    def ask(self, key: str) -> bool:
        """Whether it was there. It is afterwards."""
        hit = key in self._keys
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > self._room:
            self._keys.popitem(last=False)
        return hit


def requests(keys: Sequence[str], random: Random) -> list[str]:
    """Few keys are asked for much and most seldom, as links are (Zipf's law)."""
    zipf = Zipf(len(keys), random=random)
    return [keys[zipf.draw()] for _ in range(REQUESTS)]


def compare(requests: Sequence[str], copies: int, room: int) -> list[Hits]:
    """The first half of the requests warms the caches; of the other half the last AFTER come when a copy has gone."""
    here, fewer = names(copies), names(copies - 1)
    turns = itertools.count()
    turn: dict[str, tuple[Place, Place]] = {
        "round-robin": (lambda _: here[next(turns) % len(here)], lambda _: fewer[next(turns) % len(fewer)]),
        "hash modulo copies": (lambda key: by_modulo(key, here), lambda key: by_modulo(key, fewer)),
        "ring, 100 points": (Ring(here).copy_of, Ring(fewer).copy_of),
    }
    return [_hits(method, *places, requests, here, room) for method, places in turn.items()]


def _hits(method: str, before: Place, after: Place, requests: Sequence[str], copies: Sequence[str], room: int) -> Hits:
    caches = {copy: LruCache(room) for copy in copies}
    half, gone = len(requests) // 2, len(requests) - AFTER

    def share(some: Sequence[str], place: Place) -> float:
        return sum(caches[place(key)].ask(key) for key in some) / len(some)

    share(requests[:half], before)
    return Hits(method, share(requests[half:gone], before), share(requests[gone:], after))
