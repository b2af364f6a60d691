"""Lab 3's stampede: the link that everybody follows expires, and all who miss it go to Postgres. Or one does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab3_cache_and_events.naive import KEY
from labs.lab3_cache_and_events.naive_twin import NaiveTwin
from labs.lab3_cache_and_events.servers import link_reads, reads_gauge, redis_of, statements

_BUSY = 0.3  # seconds that a read of `links` takes while the key expires
_EXPIRIES = (3.0, 6.0, 9.0)  # seconds after the load's begin
_QUIET, _SETTLED = 0.3, 2.0  # seconds without a query after which an expiry is over; seconds that it may take
_FEW = 4  # queries
_VISITORS = 80  # half of them at the service, half at the twin


def hot_key() -> Experiment:
    twin = NaiveTwin()
    expiry = Expiry()
    return Experiment(
        name="hot-key",
        lab=3,
        title="a hot key expires under load",
        question=f"""{_VISITORS // 2} people follow one and the same link, over and over. Its key in Redis expires,
            just when a query takes {_BUSY:g} s because Postgres is busy. Beside the service stands a naive
            cache: whoever misses asks Postgres and fills. How many queries for that link does Postgres get, of
            each?""",
        answers=(
            "One of each: the first who misses fills the cache for all.",
            "A herd from the naive one, one for each who comes while the first still waits; one from the service.",
            "A herd from each: nobody can know that somebody else is asking already.",
        ),
        right=_who_stampedes,
        load=Load(
            users=_VISITORS,
            seconds=12.0,
            rate=600.0,
            write_share=0.0,
            links=1,
            locustfile=Path(__file__).with_name("hot_key_load.py"),
            options=("--naive", twin.base),
        ),
        schedule=tuple(At(seconds, "the hot key expires, Postgres is busy", expiry.happen) for seconds in _EXPIRIES),
        needs=("postgres", "redis"),
        prepare=twin.start,
        undo=twin.end,
        gauges=(
            reads_gauge("naive", "queries of the naive cache, a second (Postgres)", naive=True),
            reads_gauge("db", "queries of the service, a second (Postgres)"),
        ),
        measure=_waiting,
        explanation="""Each time the key expired, Postgres got {queries_of_the_naive_cache} queries from the naive
            cache and {queries_of_the_service} from the service (counted by Postgres itself, in
            pg_stat_statements; the mean of {expiries}). The naive code is what everybody writes first: look into
            the cache, else ask the database and fill. While the first query is under way the cache is still
            empty, so everybody who comes meanwhile asks too, and the busier the database is, the longer that
            lasts: a herd, or stampede. It strikes when the database is slow already, and makes it slower. A
            cache with single-flight lets one reader of all copies ask (whoever could put a token under the key
            first: SET NX), and the others wait for what it fills. Its visitors waited
            {wait_of_the_service_seconds} at worst, those of the naive one {wait_of_the_naive_cache_seconds}:
            nobody is slower for it. Jitter on the TTL is the other half: it keeps keys that were filled together
            from expiring together.""",
    )


@dataclass
class Expiry:
    """Lets the hot key expire while nobody can read `links`, and counts what Postgres is asked because of it."""

    counted: list[tuple[int, int]] = field(default_factory=list)

    def happen(self, stage: Runtime) -> dict[str, float]:
        """Raises LabError when Redis has no key that holds the link's id."""
        with statements(stage) as connection, redis_of(stage) as redis:
            row = connection.execute("TABLE links ORDER BY created_at DESC LIMIT 1").fetchone()
            keys = list(redis.scan_iter(match=f"*{row[0]}*", count=1000)) if row else []
            if all(key.startswith(KEY.encode()) for key in keys):  # the twin's alone
                raise LabError(
                    "No key in Redis holds the id of the link that everybody follows: the service does not cache it, "
                    "so nothing can expire. Build the cache first: `lab hint 3`."
                )
            before = link_reads(connection)
            with connection.transaction():
                connection.execute("LOCK TABLE links IN ACCESS EXCLUSIVE MODE")
                for key in keys:
                    redis.pexpire(key, 1)
                time.sleep(_BUSY)
            after = _when_quiet(lambda: link_reads(connection))
        self.counted.append((after[0] - before[0], after[1] - before[1]))
        times = len(self.counted)
        return {
            "expiries": times,
            "queries_of_the_naive_cache": sum(naive for _, naive in self.counted) / times,
            "queries_of_the_service": sum(ours for ours, _ in self.counted) / times,
        }


def _when_quiet(read: Callable[[], tuple[int, int]]) -> tuple[int, int]:
    """The counts once they have stood still for a moment; the last ones when they never do."""
    last, since, give_up = read(), time.monotonic(), time.monotonic() + _SETTLED
    while time.monotonic() < min(since + _QUIET, give_up):
        time.sleep(0.05)
        if (now := read()) != last:
            last, since = now, time.monotonic()
    return last


def _waiting(timeline: Timeline) -> dict[str, float]:
    """The longest that anybody waited, after the first second in which all is new."""
    figures = {}
    for label, name in (("naive_cache", "GET naive"), ("service", "GET /{id}")):
        figures[f"wait_of_the_{label}_seconds"] = timeline.percentile(1.0, name, _EXPIRIES[0] - 1.0) or 0.0
    return figures


def _who_stampedes(timeline: Timeline) -> int:
    """More than a few queries for one key are a herd."""
    if timeline.figures["queries_of_the_service"] > _FEW:
        return 2
    return 1 if timeline.figures["queries_of_the_naive_cache"] > _FEW else 0
