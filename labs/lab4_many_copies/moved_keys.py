"""How many keys change their copy when one leaves or joins: by modulo, and on rings of more and more points. Lab 4."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labs.lab4_many_copies.ring import Ring, by_modulo

Place = Callable[[str], str]  # the copy that a key belongs to
POINTS = (1, 10, 100, 1000)  # of a copy, on the rings that are compared


@dataclass(frozen=True)
class Method:
    """`place_among` makes, of the copies that there are, what says where each key belongs."""

    name: str
    place_among: Callable[[Sequence[str]], Place]


@dataclass(frozen=True)
class Moves:
    """One row: shares of all keys. `most` and `least`: what the fullest and the emptiest copy held, times the mean."""

    method: str
    leaving: float
    joining: float
    most: float
    least: float


def methods() -> list[Method]:
    return [Method("hash modulo copies", _modulo), *(_ring(points) for points in POINTS)]


def names(count: int) -> list[str]:
    return [f"app-{number}" for number in range(1, count + 1)]


def compare(keys: Sequence[str], copies: int) -> list[Moves]:
    """Each method among so many copies; then the last of them leaves, or one more joins."""
    here, fewer, more = names(copies), names(copies - 1), names(copies + 1)
    return [_moves(method, keys, here, fewer, more) for method in methods()]


def moved(keys: Sequence[str], before: Place, after: Place) -> float:
    """The share of the keys that belong to another copy than before."""
    return sum(before(key) != after(key) for key in keys) / len(keys)


def _moves(
    method: Method, keys: Sequence[str], here: Sequence[str], fewer: Sequence[str], more: Sequence[str]
) -> Moves:
    now = method.place_among(here)
    held = Counter(now(key) for key in keys)
    mean = len(keys) / len(here)
    return Moves(
        method.name,
        moved(keys, now, method.place_among(fewer)),
        moved(keys, now, method.place_among(more)),
        max(held.values()) / mean,
        min(held[copy] for copy in here) / mean,
    )


def _modulo(copies: Sequence[str]) -> Place:
    return lambda key: by_modulo(key, copies)


def _ring(points: int) -> Method:
    return Method(
        "ring, 1 point" if points == 1 else f"ring, {points:,} points", lambda copies: Ring(copies, points).copy_of
    )
