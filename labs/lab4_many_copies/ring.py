"""A consistent-hash ring: which copy a key belongs to, so that a copy that leaves or joins moves its own keys alone.

Lab 4's lesson. D. Karger and others, "Consistent Hashing and Random Trees", STOC 1997."""

from __future__ import annotations

import hashlib
from bisect import bisect
from collections.abc import Iterable, Sequence


def position(key: str) -> int:
    """Where on the ring a key lies. The same in every process: Python's own `hash` is another in each."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")


class Ring:
    """Each copy has so many points on the ring; a key belongs to the copy whose point comes next.

    With one point a copy the ring is cut into very unequal parts. With many (*virtual nodes*) these even out, and what
    a leaving copy had goes to all of the others, not to one."""

    def __init__(self, copies: Iterable[str], points: int = 100) -> None:
        self._each = points
        self._owners: dict[int, str] = {}
        self._points: list[int] = []
        for copy in copies:
            self.add(copy)

    def add(self, copy: str) -> None:
        self._owners |= {position(f"{copy}#{number}"): copy for number in range(self._each)}
        self._points = sorted(self._owners)

    def remove(self, copy: str) -> None:
        self._owners = {point: owner for point, owner in self._owners.items() if owner != copy}
        self._points = sorted(self._owners)

    def copy_of(self, key: str) -> str:
        """Raises LookupError when no copy is left."""
        if not self._points:
            raise LookupError("a ring without copies")
        following = bisect(self._points, position(key)) % len(self._points)  # after the last comes the first again
        return self._owners[self._points[following]]


def by_modulo(key: str, copies: Sequence[str]) -> str:
    """The obvious way, for comparison: nearly every key moves when the number of copies changes."""
    return copies[position(key) % len(copies)]
