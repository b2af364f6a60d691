"""How a client tries again: at once, with growing pauses, with chance in them, and under a budget. Lab 4."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

RETRIES = 5
FIRST, MOST = 0.1, 2.0  # seconds: the first pause, doubled each time, and the longest


@dataclass
class Budget:
    """A retry costs one token, a success brings back a tenth of one; below half of the tokens nothing is tried again.
    For all callers of one client together."""

    most: float = 10.0
    tokens: float = field(default=10.0)

    def spend(self) -> bool:
        """Whether one may try again."""
        if self.tokens <= self.most / 2:
            return False
        self.tokens -= 1
        return True

    def succeeded(self) -> None:
        self.tokens = min(self.most, self.tokens + 0.1)


@dataclass
class Policy:
    """`pause` gives the seconds to wait before the retry of that number, the first is 0."""

    name: str
    pause: Callable[[int], float]
    budget: Budget | None = None

    def again(self, retry: int) -> bool:
        return retry < RETRIES and (self.budget is None or self.budget.spend())

    def succeeded(self) -> None:
        if self.budget is not None:
            self.budget.succeeded()


def backoff(retry: int) -> float:
    return min(MOST, FIRST * 2.0**retry)


def full_jitter(retry: int) -> float:
    """Anywhere from nothing to what the backoff says."""
    return random.uniform(0.0, backoff(retry))


def policies() -> tuple[Policy, ...]:
    return (
        Policy("at once", lambda retry: 0.0),
        Policy("backoff", backoff),
        Policy("jitter", full_jitter),
        Policy("budget", full_jitter, Budget()),
    )
