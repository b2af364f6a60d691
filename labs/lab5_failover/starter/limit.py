"""Lab 4's limit of POST /links, done: a bucket of tokens for each client, in Redis."""

import math
import os
from dataclasses import dataclass

import redis
from breaker import breaker
from redis_client import client

RATE = int(os.environ.get("RATE_LIMIT", "50"))  # tokens that a bucket gains a second
BURST = int(os.environ.get("RATE_BURST", "100"))  # tokens that it holds at most

# To look and to take is one script. The time is Redis's own: the copies' clocks differ.
TAKE = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(burst, (tonumber(bucket[1]) or burst) + (now - (tonumber(bucket[2]) or now)) * rate)
local granted = tokens >= 1
if granted then tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000) + 1000)
return {granted and 1 or 0, string.format('%.6f', tokens)}
"""


@dataclass
class Taken:
    granted: bool
    left: int  # whole tokens that are left
    seconds: int  # until there is one more, rounded up


class Limit:
    def __init__(self, url):
        self.script = client(url).register_script(TAKE)

    def take(self, address):
        """One token of that client's bucket. While Redis is away nobody counts: making links matters more."""
        if not breaker.allows():
            return Taken(True, BURST, 1)
        try:
            granted, tokens = self.script(keys=[f"b:{address}"], args=[RATE, BURST])
        except redis.RedisError:
            breaker.failed()
            return Taken(True, BURST, 1)
        breaker.succeeded()
        left = math.floor(float(tokens))
        return Taken(bool(granted), left, max(1, math.ceil((left + 1 - float(tokens)) / RATE)))
