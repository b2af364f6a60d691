"""Zipf's law: the link of rank k is asked for in proportion to 1/k, as pages on the web about are.

Source: L. Breslau and others, "Web Caching and Zipf-like Distributions: Evidence and Implications", INFOCOM 1999,
which found exponents of 0.64 to 0.83; 1.0 is Zipf's own, a little more uneven."""

from __future__ import annotations

from itertools import accumulate
from random import Random


class Zipf:
    """Ranks 0 to count - 1, drawn with probability in proportion to 1 / (rank + 1) ** exponent."""

    def __init__(self, count: int, exponent: float = 1.0, random: Random | None = None) -> None:
        if count < 1:
            raise ValueError("Zipf's law needs at least one rank")
        self._ranks = range(count)
        self._cumulative = list(accumulate((rank + 1) ** -exponent for rank in self._ranks))
        self._random = random or Random()

    def draw(self) -> int:
        return self._random.choices(self._ranks, cum_weights=self._cumulative)[0]
