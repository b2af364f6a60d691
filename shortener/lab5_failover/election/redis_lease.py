"""A lease in Redis: a key that is set only where there is none (SET NX), and that expires by itself (PX). Lab 5.

What belongs together is one script each: who was paused between "it is free" and "it is mine" would take a lease, or a
token, that is another's by then. The tokens are as lasting as Redis's memory, and the stage's Redis keeps nothing on
disk: after a restart they begin anew, and a storage that checks them refuses all terms until one has a greater token
than it has seen. An equal one will not do: it may be in the hand of a leader that was paused before the restart."""

import secrets

import redis

from shortener.lab5_failover.election.lease import LeaseAway

KEY, TOKENS = "leader:sweep", "leader:sweep:tokens"

ACQUIRE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return redis.call('INCR', KEYS[2]) end
return 0
"""
RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisLease:
    """See Lease."""

    def __init__(self, client: "redis.Redis", seconds: float, node: str) -> None:
        self._client, self.seconds = client, seconds
        self._mine = (
            f"{node} {secrets.token_hex(8)}"  # of this process alone: after a restart the old lease is another's
        )

    def acquire(self) -> int | None:
        return self._run(ACQUIRE, 2, KEY, TOKENS, self._mine, self._milliseconds) or None

    def renew(self) -> bool:
        return bool(self._run(RENEW, 1, KEY, self._mine, self._milliseconds))

    def release(self) -> None:
        self._run(RELEASE, 1, KEY, self._mine)

    @property
    def _milliseconds(self) -> int:
        return round(self.seconds * 1000)

    def _run(self, script: str, keys: int, *words: str | int) -> int:
        try:
            return int(self._client.eval(script, keys, *words))
        except (redis.RedisError, OSError) as error:
            raise LeaseAway(f"Redis: {error}") from error
