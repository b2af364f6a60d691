"""A token bucket for each client, in Redis: one script takes a token, so all copies together are exact. Lab 4.

A bucket holds at most `burst` tokens and gains `rate` a second; a request takes one, or is over the limit when there is
none. The script reads the server's own clock: those of the copies differ. A bucket that would be full again by then
expires, since a full one is as good as none."""

import hashlib
import math
from dataclasses import dataclass

from shortener.lab4_many_copies.resilient_cache import Refused, ResilientCache

BUCKET = "b:"  # and the client's address: a hash of the tokens in it, and when that was, in microseconds

# Lua would write a number with 14 digits at most: a time in microseconds has 16, hence the format.
TAKE = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(bucket[1]) or burst
tokens = math.min(burst, tokens + math.max(0, now - (tonumber(bucket[2]) or now)) * rate / 1000000)
local taken = tokens >= 1 and 1 or 0
if taken == 1 then
  tokens = tokens - 1
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) * 1000 / rate) + 1)
end
return {taken, string.format('%.9f', tokens)}
"""
SHA = hashlib.sha1(TAKE.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Taken:
    """What a request found in its client's bucket."""

    granted: bool
    left: int  # whole tokens
    seconds: int  # until there is one more, rounded up


class TokenBuckets:
    def __init__(self, cache: ResilientCache, rate: int, burst: int, places: int) -> None:
        """`rate` tokens a second for each client, and `burst` at most; `places` calls wait for Redis at one time."""
        self._cache, self._rate, self._burst = cache, rate, burst
        self._places = cache.compartment(places)

    async def take(self, client: str) -> Taken:
        """One round trip, and a second one after Redis has lost the script. Raises CacheAway, BulkheadFull among it.

        A request that Redis did not answer is not repeated: that would take two tokens."""
        words = (1, BUCKET + client, self._rate, self._burst)
        with self._places:
            try:
                taken, left = await self._cache.call_once("EVALSHA", SHA, *words)
            except Refused as error:
                if not str(error).startswith("NOSCRIPT"):
                    raise
                taken, left = await self._cache.call_once("EVAL", TAKE, *words)
        tokens = float(left)
        whole = math.floor(tokens)
        return Taken(bool(taken), whole, max(1, math.ceil((whole + 1 - tokens) / self._rate)))
