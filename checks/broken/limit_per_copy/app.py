"""Each copy counts the POSTs of a client by itself."""

import math
import time

from checks.broken.spoil import run
from shortener.lab4_many_copies.token_buckets import Taken, TokenBuckets

buckets: dict[str, tuple[float, float]] = {}


async def take(self: TokenBuckets, client: str) -> Taken:
    now = time.monotonic()
    tokens, at = buckets.get(client, (float(self._burst), now))
    tokens = min(self._burst, tokens + (now - at) * self._rate)
    granted = tokens >= 1
    buckets[client] = (tokens - granted, now)
    return Taken(granted, math.floor(tokens - granted), 1)


TokenBuckets.take = take  # type: ignore[method-assign]
run()
