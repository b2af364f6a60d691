"""Waiting with a deadline: poll until something holds, and say what was last seen when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, within: float, every: float = 0.05) -> T:
    """The first truthy value of `probe()` within that many seconds, else its last value. The caller judges it."""
    deadline = time.monotonic() + within
    while True:
        value = probe()
        if value or time.monotonic() >= deadline:
            return value
        time.sleep(min(every, max(0.0, deadline - time.monotonic())))
