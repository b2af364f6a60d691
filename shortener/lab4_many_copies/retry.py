"""When to try again, and what: pauses with full jitter, and only commands that may be carried out twice. Lab 4."""

import random
from typing import Any

from shortener.lab3_cache_and_events.redis_wire import Command

REPEATABLE = frozenset(("GET", "DEL", "ZRANGE"))


def full_jitter(retry: int, first: float, most: float) -> float:
    """Seconds to wait before that retry, from 0 on: anywhere below a bound that doubles each time.

    Those who failed together would otherwise come back together. Marc Brooker, "Exponential Backoff And Jitter" (2015),
    compares the kinds of jitter: with the full one the work is the least."""
    return random.uniform(0, min(most, first * 2**retry))


def repeated(command: Command) -> Command | None:
    """What to send when nobody knows whether `command` was carried out; None for what must not happen twice.

    A SET may be repeated: with IFEQ it then finds what it has set, and does nothing. One with NX, too, and would say
    that somebody was quicker, though that was itself: so it asks for what lies there (GET), see `meaning`."""
    if command[0] in REPEATABLE:
        return command
    if command[0] == "SET":
        return (*command, "GET") if "NX" in command[3:] else command
    return None


def meaning(command: Command, sent: Command, reply: Any) -> Any:
    """What `command` itself would have been answered, where `sent` was sent in its place."""
    if sent is command:
        return reply
    return "OK" if reply in (None, command[2]) else None  # nothing lay there until now, or our own value does
