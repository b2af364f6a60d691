"""One access to main memory, timed as a pointer chase: each place holds the address of the next, so none can be fetched
ahead of time."""

from __future__ import annotations

import time
from array import array

LINE = 16  # 4-byte items in a cache line of 64 bytes: each hop lands on a line of its own
BIG = 1 << 22  # lines: 256 MiB, far more than a processor's caches hold
SMALL = 1 << 6  # lines: 4 KiB, always in the nearest cache
HOPS = 400_000  # a walk
WALKS = 3


def memory_access() -> float:
    """Seconds for one access to main memory.

    The loop runs in Python, which costs more than the access itself. So the same loop also walks 4 KiB, which never
    leave the nearest cache, and that time is taken off: what stays is the way to main memory and back."""
    far, near = _chain(BIG, WALKS * HOPS), _chain(SMALL, SMALL)
    slow, own_cost, place = [], [], 0
    for _ in range(WALKS):
        seconds, place = _walk(far, HOPS, place)  # on where the last one ended: nothing there is in a cache yet
        slow.append(seconds)
        own_cost.append(_walk(near, HOPS, 0)[0])
    return max(min(slow) - min(own_cost), 0.0) / HOPS


def _chain(lines: int, hops: int) -> array[int]:
    """An array whose first `hops` places, each on its own line, form a path in random order.

    The order is a linear congruential generator's: with an odd increment and a multiplier of the form 4k + 1 it visits
    every line once before it repeats (Hull and Dobell, 1962)."""
    chain = array("I", [0]) * (LINE * lines)
    place, mask = 0, lines - 1
    for _ in range(hops):
        following = (place * 1_664_525 + 1_013_904_223) & mask
        chain[place * LINE] = following * LINE
        place = following
    return chain


def _walk(chain: array[int], hops: int, place: int) -> tuple[float, int]:
    """Seconds of processor time (so that others who share the machine do not count), and where the walk ended."""
    began = time.thread_time()
    for _ in range(hops):
        place = chain[place]
    return time.thread_time() - began, place
