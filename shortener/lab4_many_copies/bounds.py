"""Every bound of lab 4's service in one place: what it is, in which unit, and why it is not larger or smaller."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    # One round trip to Redis takes 1 ms or less, one over a link slowed by 200 ms each way 400 ms: the first must not
    # be given up on a busy machine, and the second must be.
    try_seconds: float = 0.15
    # A timer that rings so much too late was late because this process got no processor, and not because of Redis.
    held_up_seconds: float = 0.02
    # All retries of a call together. It may have waited for two round trips before them, its own and the one under way:
    # with the query that follows it stays far below the 5 s that a request has.
    retry_seconds: float = 0.25

    tries: int = 3
    # The longest pause before the first retry, doubled for each further one, and the most that it grows to.
    backoff_seconds: float = 0.02
    backoff_most_seconds: float = 0.1
    # The budget holds so many retries' worth of tokens twice over: half of them may go in one burst ...
    retry_tokens: float = 100
    # ... and after that one retry for ten calls that are answered.
    retry_ratio: float = 0.1

    # The breaker opens when so many of the last `breaker_window` round trips failed: one or two are a stray packet.
    breaker_failures: int = 3
    breaker_window: int = 10
    # How long it then asks nothing: of a hundred requests a second, one pays for the look whether Redis is back.
    open_seconds: float = 1.0

    # Calls that wait for Redis at one time. While it hangs nobody beyond these waits: the database is asked at once.
    lookups: int = 256
    # The same for those of the rate limit, in a compartment of their own: a flood of POSTs takes no lookup's place.
    limit_calls: int = 256

    # Connections to Postgres, which allows 50: six copies with six each leave room for the workers. Reads have their
    # own, since they share each query and so need few; a POST needs one for itself.
    read_connections: int = 2
    write_connections: int = 4
    # A write that would wait longer than that for a connection is refused at once. It would be refused after 2 s
    # anyway, and until then hold up those behind it.
    queue_seconds: float = 1.0


BOUNDS = Bounds()
