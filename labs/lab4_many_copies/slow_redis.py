"""Lab 4: Redis is there, answers everything correctly, and takes its time."""

from __future__ import annotations

from infra.copies import standing
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab3_cache_and_events.servers import reads_gauge
from labs.lab4_many_copies.servers import BALANCER, breaker_gauge, total

_GET = "GET /{id}"
_DELAY = 0.2  # seconds more in each direction
_SLOW, _HEALED = "the links from the copies to Redis are slow", "the links to Redis are quick again"
_UNDECIDED = "rate_limit_undecided_total"


def slow_redis() -> Experiment:
    undecided: list[float] = []

    def slow(stage: Runtime) -> None:
        undecided.append(total(stage, _UNDECIDED))
        for copy in standing(stage.stage):
            stage.slow(copy, "redis", _DELAY)

    def heal(stage: Runtime) -> dict[str, float]:
        stage.heal()
        return {"posts_not_counted": total(stage, _UNDECIDED) - undecided[-1]}

    return Experiment(
        name="slow-redis",
        lab=4,
        title="Redis is slow, not dead",
        question=f"""Redis answers nearly every redirect, in less than a millisecond. Now each answer takes
            {2 * _DELAY:g} s, and every one is correct. What becomes of the redirects?""",
        answers=(
            f"Each takes {2 * _DELAY:g} s longer: nothing is broken, so nobody does anything about it.",
            "The first ones wait a moment. Then nobody asks Redis any more, and Postgres answers, quickly.",
            "They fail: those that wait fill every place there is.",
        ),
        right=_what_became_of_them,
        load=Load(users=60, seconds=16.0, rate=300.0, write_share=0.03, targets=(BALANCER,)),
        schedule=(At(4.0, _SLOW, slow), At(10.0, _HEALED, heal)),
        needs=("postgres", "redis", "kafka"),
        mended=_HEALED,
        gauges=(breaker_gauge(), reads_gauge()),
        measure=_before_and_meanwhile,
        explanation="""A redirect took {redirect_before_seconds} before and {redirect_meanwhile_seconds} meanwhile
            (median), {p99_before_seconds} and {p99_meanwhile_seconds} (p99); {failed} of {requests} requests failed.
            In lab 3 each would have waited, for as long as Redis was slow: its timeout of 0.5 s never struck. A slow
            server is worse than a dead one, for a dead one is noticed. Four things keep this short. A timeout of
            0.15 s, which no healthy answer needs. Retries, few, with pauses that chance has a hand in, under a
            budget, so that they do not double the load of a server that has too much already. A circuit breaker:
            after three of ten round trips had failed it opened, and Redis was not asked at all, but for one try a
            second; it was open {breaker_open_seconds} after the link had become slow, and closed
            {breaker_closed_seconds} after it was quick again. And a bulkhead: however long Redis takes, only so many
            may wait for it. Postgres was asked for {queries_meanwhile} links a second, where it had been
            {queries_before}. One decision shows here too: {posts_not_counted} new links were made without being
            counted by the rate limit, since its counters are in Redis. This service lets them pass (fail open);
            RATE_LIMIT_WITHOUT_REDIS=refuse would have answered 503 (fail closed). Neither is right for everybody.""",
    )


def _before_and_meanwhile(timeline: Timeline) -> dict[str, float]:
    slow, healed = timeline.fault(_SLOW), timeline.fault(_HEALED)
    figures = dict.fromkeys(("breaker_open_seconds", "breaker_closed_seconds"), 0.0)
    figures |= dict.fromkeys(("queries_before", "queries_meanwhile"), 0.0)
    for name in ("redirect", "p99"):
        figures |= {f"{name}_before_seconds": 0.0, f"{name}_meanwhile_seconds": 0.0}
    if slow is None or healed is None:
        return figures
    for name, share in (("redirect", 0.5), ("p99", 0.99)):
        figures[f"{name}_before_seconds"] = timeline.percentile(share, _GET, 1.0, slow.start) or 0.0
        figures[f"{name}_meanwhile_seconds"] = timeline.percentile(share, _GET, slow.start, healed.start) or 0.0
    breaker, queries = timeline.gauge("breaker"), timeline.gauge("db")
    opened = [at for at, state in breaker.points if at >= slow.start and state == 2]
    closed = [at for at, state in breaker.points if at >= healed.start and state == 0]
    figures["breaker_open_seconds"] = (opened[0] - slow.start) if opened else timeline.seconds - slow.start
    figures["breaker_closed_seconds"] = (closed[0] - healed.start) if closed else timeline.seconds - healed.start
    figures["queries_before"] = _mean(queries.between(1.0, slow.start))
    figures["queries_meanwhile"] = _mean(queries.between(slow.start + 1.0, healed.start))
    return figures


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values)) if values else 0.0


def _what_became_of_them(timeline: Timeline) -> int:
    """Half the delay in the median says that they waited for Redis, all the time."""
    figures = timeline.figures
    if timeline.count("failed", _GET) > 0.02 * timeline.count(name=_GET):
        return 2
    return 0 if figures["redirect_meanwhile_seconds"] > _DELAY else 1
