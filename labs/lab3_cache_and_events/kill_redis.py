"""Lab 3's best known failure: the cache is gone, and everybody goes to the database at once."""

from __future__ import annotations

from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab3_cache_and_events.servers import hits_gauge, reads_gauge, redis_of

_GET = "GET /{id}"
_KILLED, _STARTED = "kill -9 redis", "redis started again"
_LONG = 1.0  # seconds: who waits longer for a redirect has the feeling that it hangs


def kill_redis() -> Experiment:
    return Experiment(
        name="kill-redis",
        lab=3,
        title="kill -9 Redis under load",
        question="""Redis answers nearly every redirect. It is killed under load, and comes back empty 5 s later. What
            do the people notice?""",
        answers=(
            "Redirects fail until Redis is back.",
            "Each redirect waits for a Redis that does not answer, before Postgres is asked: all become slow.",
            "Nothing: redirects go on from Postgres, and the cache fills itself again afterwards.",
            "Redirects go on for a moment, until Postgres cannot keep up.",
        ),
        right=_what_people_noticed,
        load=Load(users=30, seconds=14.0, rate=500.0, write_share=0.05),
        schedule=(
            At(4.0, _KILLED, _kill),
            At(9.0, _STARTED, lambda stage: stage.start("redis")),
        ),
        needs=("postgres", "redis", "kafka"),
        mended=_STARTED,
        gauges=(hits_gauge(), reads_gauge()),
        measure=_before_and_without,
        explanation="""Of {redirects_without} redirects without Redis {redirects_in_trouble} failed or took longer than
            1 s. With Redis there were {hits_before} cache hits and {queries_before} queries for links in a
            second; without it {queries_without} queries. A redirect took {redirect_before_seconds} (median)
            before and {redirect_without_seconds} without (p99: {p99_before_seconds} and {p99_without_seconds}).
            What keeps this quiet: each call to Redis has a short timeout; after a failure Redis is left alone
            for half a second instead of being asked by everyone; and redirects that ask Postgres at the same
            moment share one query, so that the database is not trampled by what the cache held off. A cache may
            make a service fast, but the service must work without it: then a lost cache is a matter of capacity,
            not of correctness. Know how much of it your database can bear before you need to. The cache came
            back empty, and each link was read from Postgres once to fill it: that took no script and no human.
            One thing does stop without Redis: PATCH and DELETE answer 503, because no copy could be told to
            forget the old url. {clicks_seen} redirects were seen and {clicks_counted} clicks counted: clicks do
            not go through Redis.""",
    )


def _kill(stage: Runtime) -> None:
    """Raises LabError before anything is broken when Redis has found nothing for anybody so far."""
    with redis_of(stage) as client:
        if not int(client.info("stats")["keyspace_hits"]):
            raise LabError(
                "Redis has not answered a single redirect, so nobody would miss it: the service does not use its cache "
                "yet. Build that first: `lab hint 3`."
            )
    stage.kill("redis")


def _before_and_without(timeline: Timeline) -> dict[str, float]:
    killed, started = timeline.fault(_KILLED), timeline.fault(_STARTED)
    if killed is None or started is None:
        return {}
    without = (killed.end or killed.start), started.start
    redirects = timeline.between(*without, _GET)
    trouble = [redirect for redirect in redirects if redirect.outcome != "ok" or redirect.seconds > _LONG]
    figures = {"redirects_without": float(len(redirects)), "redirects_in_trouble": float(len(trouble))}
    for name, share in (("redirect", 0.5), ("p99", 0.99)):
        figures[f"{name}_before_seconds"] = timeline.percentile(share, _GET, 1.0, killed.start) or 0.0
        figures[f"{name}_without_seconds"] = timeline.percentile(share, _GET, *without) or 0.0
    for label, gauge in (("hits", "hits"), ("queries", "db")):
        figures[f"{label}_before"] = _mean(timeline.gauge(gauge).between(1.0, killed.start))
    figures["queries_without"] = _mean(timeline.gauge("db").between(without[0] + 0.5, started.start))
    return figures


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values)) if values else 0.0


def _what_people_noticed(timeline: Timeline) -> int:
    """A tenth in trouble is trouble that people notice. A timeout in front of each redirect shows in the median."""
    figures = timeline.figures
    if figures["redirects_in_trouble"] > 0.1 * figures["redirects_without"]:
        killed, started = timeline.fault(_KILLED), timeline.fault(_STARTED)
        assert killed is not None
        assert started is not None
        half = (killed.start + started.start) / 2
        early = timeline.between(killed.start, half, _GET)
        went_on = sum(redirect.outcome == "ok" for redirect in early) > 0.9 * len(early)
        return 3 if went_on else 0
    slower = figures["redirect_without_seconds"] > max(0.05, 5 * figures["redirect_before_seconds"])
    return 1 if slower else 2
