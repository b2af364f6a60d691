"""How the cache and the limit speak with Redis."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def client(url):
    """A call is answered soon or not at all; with redis-py's own retries one wait would be four, and pauses between."""
    return redis.Redis.from_url(
        url, decode_responses=True, socket_timeout=0.15, socket_connect_timeout=0.15, retry=Retry(NoBackoff(), 0)
    )
