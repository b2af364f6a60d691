"""`python -m shortener.lab3_cache_and_events.toplist`: keeps the most clicked links in Redis, until SIGTERM. Lab 3.

What Redis forgets is counted anew: Kafka holds every click for a week."""

import os
from collections.abc import Mapping, Sequence

import redis
from prometheus_client import CollectorRegistry

from shortener.lab3_cache_and_events.clicks_in import clicks_in
from shortener.lab3_cache_and_events.consumer import Batch, Failures, Follower
from shortener.lab3_cache_and_events.kafka_client import CLICKS
from shortener.lab3_cache_and_events.keys import TOP, TOP_OFFSETS
from shortener.lab3_cache_and_events.process import Stopping, run
from shortener.lab3_cache_and_events.redis_client import redis_client

CONSUMER = "toplist"
BATCH = 10_000  # Redis does nothing else while it adds them: about 10 ms

# Compare and set, like the worker's transaction: the offsets stand beside the counts and move with them.
# ARGV: how many partitions; of each its number, where it must stand and where it then stands; each link and its clicks.
ADD = """
for at = 2, 3 * ARGV[1] + 1, 3 do
  if (redis.call('HGET', KEYS[2], ARGV[at]) or '0') ~= ARGV[at + 1] then return 0 end
end
for at = 2, 3 * ARGV[1] + 1, 3 do redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 2]) end
for at = 3 * ARGV[1] + 2, #ARGV, 2 do redis.call('ZINCRBY', KEYS[1], ARGV[at + 1], ARGV[at]) end
return 1"""


class TopLinks:
    """See consumer.Results."""

    failures: Failures = (redis.RedisError, OSError)

    def __init__(self, server: "redis.Redis") -> None:
        self._redis = server
        self._add = server.register_script(ADD)

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        known = self._redis.hgetall(TOP_OFFSETS)
        return {partition: int(known.get(str(partition), 0)) for partition in partitions}

    def apply(self, batch: Batch) -> bool:
        """Events that are none are left out: the worker sets them aside."""
        if batch.before.keys() != batch.after.keys():
            return False
        clicks, _ = clicks_in([message.value() for message in batch.messages])
        moves = [(partition, position, batch.after[partition]) for partition, position in batch.before.items()]
        numbers = [number for move in moves for number in move]
        pairs = [word for pair in clicks.items() for word in pair]
        return bool(self._add([TOP, TOP_OFFSETS], [len(moves), *numbers, *pairs]))


def main(metrics: CollectorRegistry, stopping: Stopping) -> None:
    Follower(CLICKS, CONSUMER, BATCH, metrics, stopping).follow(TopLinks(redis_client(os.environ["REDIS_URL"])))


if __name__ == "__main__":
    run(main)
