"""Redis for a process that has one thing to do at a time: it waits for an answer, but not for ever. Lab 3."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

SECONDS = 5.0  # for an answer


def redis_client(url: str) -> "redis.Redis":
    """The server may be down. Raises ValueError for a url that is none of Redis."""
    try:
        return redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=SECONDS,
            socket_connect_timeout=SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise ValueError("REDIS_URL is not an address of Redis: redis://…") from None  # what it is may hold a password
