"""The labs' experiments as data: each answer can be the right one, and every figure that a text names exists."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from checks.unit.experiment.samples import request, steady
from infra.errors import LabError
from infra.experiment.experiment import Experiment
from infra.experiment.findings import explained, summary, table
from infra.experiment.timeline import Audit, ClickAudit, FaultSpan, Request, Series, Timeline
from labs.catalogue import experiment, experiments

ALL = [*experiments(1), *experiments(2), *experiments(3), *experiments(4), *experiments(5)]
# Seconds. In lab 5 a leader is struck whose lease of 20 s has to run out, with some seconds before it and after it.
LONGEST = {5: 40}
EXACT = ClickAudit(500, 0, 500, 0, 0, 0, 0, 0.5)
WHOLE, ONE_LOST = Audit(100, (), 3, 1), Audit(100, (("abc", "https://example.com/"),), 3, 1)
GOOD = tuple(steady(0, 10, every=0.05))
BROKEN = (*steady(0, 3), *steady(3, 6, "failed"), *steady(6, 10))
DEAD = (*steady(0, 3), *steady(3, 10, "failed"))
HUNG = (FaultSpan("app-2 hangs (paused)", 3.0), FaultSpan("app-2 goes on", 9.0))
HANGS = (*steady(0, 3), *steady(3, 6, "failed", seconds=4.0), *steady(6, 10))


def run(
    requests: tuple[Request, ...], audit: Audit = WHOLE, faults: tuple[FaultSpan, ...] = (), **figures: float
) -> Timeline:
    return Timeline(requests, faults, 10.0, audit, dict(figures))


def counted(*, lost: int = 0, doubled: int = 0, excused: int = 0, lost_beyond: int = 0, **figures: float) -> Timeline:
    """A good run in which clicks were lost or doubled."""
    clicks = replace(EXACT, lost=lost, doubled=doubled, excused=excused, lost_beyond=lost_beyond)
    return run(GOOD, replace(WHOLE, clicks=clicks), (), **figures)


def as_planned(planned: Experiment, requests: tuple[Request, ...] = BROKEN) -> Timeline:
    """A run in which each fault happened when it was meant to, for 0.2 s, with whatever it measures at 1."""
    faults = tuple(FaultSpan(entry.label, entry.seconds, entry.seconds + 0.2) for entry in planned.schedule)
    figures = dict.fromkeys(("deadlocks", "transactions_ended", "transactions_finished", "broken_after_seconds"), 1.0)
    figures |= dict.fromkeys(("links_added", "megabytes_added"), 1.0)
    figures |= dict.fromkeys(("expiries", "queries_of_the_naive_cache", "queries_of_the_service"), 1.0)
    figures |= dict.fromkeys(("races", "stale_at_the_naive_cache", "stale_at_the_service"), 1.0)
    figures |= dict.fromkeys(("poison_events", "set_aside", "with_a_reason", "flooded", "flood_counted"), 1.0)
    figures |= dict.fromkeys(("taken_out_seconds", "posts_not_counted", "rto_seconds", "rpo_seconds"), 1.0)
    figures |= dict.fromkeys(("copies", "copies_ready"), 3.0)
    figures |= dict.fromkeys(("free_seconds", "promoted_seconds", "longest_gap_seconds", "leaders_at_once"), 2.0)
    figures |= dict.fromkeys(("stale_writes_accepted", "stale_writes_refused", "renewed_links_deleted"), 1.0)
    figures |= dict.fromkeys(("lost_by_last_write", "lost_by_vector", "kept_by_vector", "lost_by_owner"), 1.0)
    figures |= dict.fromkeys(("refused_by_owner", "near_seconds", "far_seconds", "differing"), 0.0)
    figures |= dict.fromkeys(("lost_with_right_clocks", "lost_with_that_clock", "later_writes"), 1.0)
    figures |= dict.fromkeys(("later_lost", "later_lost_with_right_clocks"), 1.0)
    figures |= {"sent": 1600.0, "made": 60.0, "refused": 1540.0, "burst": 20.0, "limit_a_second": 10.0}
    figures |= {"sent_by_many": 1600.0, "made_by_many": 1600.0, "refused_by_many": 0.0}
    timeline = Timeline(requests, faults, 10.0, WHOLE, figures)
    return replace(timeline, figures={**figures, **(planned.measure(timeline) if planned.measure else {})})


@pytest.mark.parametrize("planned", ALL, ids=lambda planned: planned.name)
def test_an_experiment_is_bounded_and_whole(planned: Experiment) -> None:
    longest = LONGEST.get(planned.lab, 20)
    assert planned.load.seconds <= longest
    assert max((entry.seconds for entry in planned.schedule), default=0) <= longest
    assert planned.schedule or planned.own_load is not None
    assert 3 <= len(planned.answers) <= 4
    assert planned.load.rate is not None or planned.own_load is not None
    assert planned.question.rstrip().endswith("?")
    assert planned.mended in {"", *(entry.label for entry in planned.schedule)}


@pytest.mark.parametrize("planned", ALL, ids=lambda planned: planned.name)
@pytest.mark.parametrize("requests", [BROKEN, GOOD, DEAD], ids=["broken", "good", "dead"])
def test_every_run_has_a_right_answer_and_an_explanation_in_figures(
    planned: Experiment, requests: tuple[Request, ...]
) -> None:
    timeline = as_planned(planned, requests)
    assert 0 <= planned.right(timeline) < len(planned.answers)
    said = explained(planned, timeline)
    assert re.search(r"\d", said)
    assert "{" not in said
    assert "  " not in said
    assert summary(planned, timeline)["requests"] == len(requests)
    assert all(figure for _, figure in table(planned, timeline))


def test_names_are_unique_and_found() -> None:
    for lab in (1, 2, 3, 4, 5):
        names = [entry.name for entry in experiments(lab)]
        assert len(set(names)) == len(names)
        assert experiment(lab, names[-1]).name == names[-1]
        assert experiment(lab, None).name == names[0]


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(LabError, match="kill, two-copies, disk-full, growing-file"):
        experiment(1, "meteor")
    with pytest.raises(LabError, match="Lab 6 has no experiments yet"):
        experiment(6, None)


def away(seconds: float, audit: Audit = WHOLE) -> Timeline:
    """A run of lab 5 in which nobody could write for so long, from 3 s on."""
    return Timeline(tuple(posts(0, 3) + posts(3 + seconds, 38)), (), 38.0, audit)


def posts(start: float, end: float, seconds: float = 0.01) -> list[Request]:
    return [replace(one, name="POST /links") for one in steady(start, end, seconds=seconds)]


RIGHT = [
    (1, "kill", run(BROKEN, ONE_LOST), 0),
    (1, "kill", run(BROKEN), 1),
    (1, "kill", run(DEAD), 2),
    (1, "two-copies", run(GOOD), 0),
    (1, "two-copies", run(GOOD, ONE_LOST), 1),
    (1, "two-copies", run(GOOD, Audit(1, (("a", "b"),), 0, None)), 2),
    (1, "disk-full", run(GOOD, links_refused=5, redirects_failed=4), 0),
    (1, "disk-full", run(GOOD, links_refused=5, redirects_failed=0), 1),
    (1, "disk-full", run(GOOD, links_refused=0, redirects_failed=0), 2),
    (1, "disk-full", run(GOOD, ONE_LOST, links_refused=5, redirects_failed=0), 2),
    (2, "kill-postgres", run(HANGS, caught_at_first=10, waited_for_postgres=8), 0),
    (2, "kill-postgres", run(BROKEN, caught_at_first=200, waited_for_postgres=0), 1),
    (2, "kill-postgres", run(DEAD, caught_at_first=200, waited_for_postgres=0), 2),
    (2, "kill-postgres", run(BROKEN, ONE_LOST, caught_at_first=200, waited_for_postgres=0), 3),
    (2, "pool", run(GOOD, reads_meanwhile=500, reads_in_trouble=2), 0),
    (2, "pool", run(BROKEN, reads_meanwhile=100, reads_in_trouble=80), 1),
    (2, "pool", run(GOOD, reads_meanwhile=100, reads_in_trouble=80), 2),
    (2, "index", run(GOOD, search_growth=1.2), 0),
    (2, "index", run(GOOD, search_growth=12.0), 1),
    (2, "index", run(BROKEN, search_growth=12.0), 2),
    (3, "hot-key", run(GOOD, queries_of_the_naive_cache=1, queries_of_the_service=1), 0),
    (3, "hot-key", run(GOOD, queries_of_the_naive_cache=38, queries_of_the_service=1), 1),
    (3, "hot-key", run(GOOD, queries_of_the_naive_cache=38, queries_of_the_service=35), 2),
    (3, "kill-kafka", counted(lost=0, redirect_before_seconds=0.01, redirect_meanwhile_seconds=0.4), 0),
    (3, "kill-kafka", counted(lost=9, redirect_before_seconds=0.01, redirect_meanwhile_seconds=0.02), 1),
    (3, "kill-kafka", counted(lost=0, redirect_before_seconds=0.01, redirect_meanwhile_seconds=0.02), 2),
    (3, "kill-kafka", counted(doubled=1, redirect_before_seconds=0.01, redirect_meanwhile_seconds=0.02), 3),
    (3, "kill-worker", counted(lost=9), 0),
    (3, "kill-worker", counted(doubled=9), 1),
    (3, "kill-worker", counted(), 2),
    (3, "kill-app", counted(), 0),
    (3, "kill-app", counted(lost=5, excused=40), 1),
    (3, "kill-app", counted(lost=50, excused=40, lost_beyond=10), 2),
    (3, "slow-worker", run(GOOD, memory_before=60, memory_at_most=400, most_behind=20_000), 0),
    (3, "slow-worker", run(BROKEN, memory_before=60, memory_at_most=80, most_behind=20_000), 1),
    (3, "slow-worker", run(GOOD, memory_before=60, memory_at_most=80, most_behind=20_000), 2),
    (3, "slow-worker", run(GOOD, memory_before=60, memory_at_most=80, most_behind=200), 3),
    (3, "poison", counted(lost=300, set_aside=0, poison_events=5), 0),
    (3, "poison", counted(set_aside=0, poison_events=5), 1),
    (3, "poison", counted(set_aside=5, poison_events=5), 2),
    (3, "deleted-link", run(GOOD, stale_at_the_naive_cache=0, stale_at_the_service=0), 0),
    (3, "deleted-link", run(GOOD, stale_at_the_naive_cache=10, stale_at_the_service=0), 1),
    (3, "deleted-link", run(GOOD, stale_at_the_naive_cache=10, stale_at_the_service=10), 2),
    (4, "kill-copy", run(BROKEN, redirects_failed=60, posts_without_answer=3), 0),
    (4, "kill-copy", run(GOOD, redirects_failed=0, posts_without_answer=3), 1),
    (4, "kill-copy", run(GOOD, redirects_failed=0, posts_without_answer=0), 2),
    (4, "hang-copy", run(GOOD, redirects_failed=0, redirects_that_waited=0), 0),
    (4, "hang-copy", run(GOOD, redirects_failed=0, redirects_that_waited=80), 1),
    (4, "hang-copy", run(BROKEN, redirects_failed=60, redirects_that_waited=80), 2),
    (4, "hang-copy", run(DEAD, WHOLE, HUNG, redirects_failed=140, redirects_that_waited=80), 3),
    (4, "slow-redis", run(GOOD, redirect_meanwhile_seconds=0.41), 0),
    (4, "slow-redis", run(GOOD, redirect_meanwhile_seconds=0.004), 1),
    (4, "slow-redis", run(BROKEN, redirect_meanwhile_seconds=0.004), 2),
    (4, "flood", run(GOOD, redirects_failed=0, made=180, allowed=60, sent_by_many=1600, made_by_many=1600), 0),
    (4, "flood", run(GOOD, redirects_failed=0, made=59, allowed=60, sent_by_many=1600, made_by_many=60), 1),
    (4, "flood", run(GOOD, redirects_failed=0, made=59, allowed=60, sent_by_many=1600, made_by_many=1500), 2),
    (4, "flood", run(BROKEN, redirects_failed=60, made=0, allowed=60, sent_by_many=1600, made_by_many=0), 3),
    (4, "retry-storm", run(GOOD, at_once_a_call=1.1, backoff_a_call=1.1, budget_a_call=1.0), 0),
    (4, "retry-storm", run(GOOD, at_once_a_call=6.0, backoff_a_call=5.0, budget_a_call=1.1), 1),
    (4, "retry-storm", run(GOOD, at_once_a_call=6.0, backoff_a_call=1.2, budget_a_call=1.1), 2),
    (4, "rolling-restart", run(BROKEN, failed_while_rolling=60, asked_while_rolling=200), 0),
    (4, "rolling-restart", run(GOOD, failed_while_rolling=0, asked_while_rolling=200), 1),
    (4, "rolling-restart", run(GOOD, failed_while_rolling=2, asked_while_rolling=200), 2),
    (4, "lost-database", run(GOOD, Audit(3, (("a", "b"),) * 2, 0, 0)), 0),
    (4, "lost-database", run(GOOD, ONE_LOST), 1),
    (4, "lost-database", run(GOOD, Audit(2, (("a", "b"),) * 2, 0, 0)), 2),
    (4, "kill-balancer", run(GOOD, asked_meanwhile=100, failed_meanwhile=0), 0),
    (4, "kill-balancer", run(GOOD, asked_meanwhile=100, failed_meanwhile=3), 1),
    (4, "kill-balancer", run(BROKEN, asked_meanwhile=100, failed_meanwhile=99), 2),
    (5, "leader-host", away(0.0), 0),
    (5, "leader-host", away(1.5), 1),
    (5, "leader-host", away(20.8), 2),
    (5, "leader-postgres", away(20.8), 0),
    (5, "leader-postgres", away(2.9), 1),
    (5, "leader-patroni", away(20.8), 0),
    (5, "leader-patroni", away(0.0), 1),
    (5, "leader-patroni", away(1.9), 2),
    (5, "leader-paused", away(21.0, ONE_LOST), 0),
    (5, "leader-paused", away(21.0), 1),
    (5, "leader-cut-off", away(20.8), 0),
    (5, "leader-cut-off", away(0.0), 1),
    (5, "etcd-killed", away(20.8), 0),
    (5, "etcd-killed", away(0.4), 1),
    (5, "lagging-replica", run(GOOD, before_seconds=0.01, replica_seconds=0.21, synchronous_seconds=0.22), 0),
    (5, "lagging-replica", run(GOOD, before_seconds=0.01, replica_seconds=0.01, synchronous_seconds=0.22), 1),
    (5, "lagging-replica", run(GOOD, before_seconds=0.01, replica_seconds=0.01, synchronous_seconds=0.02), 2),
    (5, "asynchronous-loss", run(GOOD), 0),
    (5, "asynchronous-loss", run(GOOD, ONE_LOST), 1),
    (5, "two-leaders", run(GOOD, stale_writes_accepted=3), 1),
    (5, "two-leaders", run(GOOD, stale_writes_accepted=0), 2),
    (5, "fencing-token", run(GOOD, stale_writes_accepted=0, leaders_at_once=1), 0),
    (5, "fencing-token", run(GOOD, stale_writes_accepted=0, leaders_at_once=2), 1),
    (5, "fencing-token", run(GOOD, stale_writes_accepted=1, leaders_at_once=2), 2),
    (5, "etcd-lease", run(GOOD, stale_writes_accepted=0), 0),
    (5, "etcd-lease", run(GOOD, stale_writes_accepted=2), 1),
    (5, "two-regions", run(GOOD, lost_by_last_write=0, differing=0), 0),
    (5, "two-regions", run(GOOD, lost_by_last_write=4, differing=0), 1),
    (5, "two-regions", run(GOOD, lost_by_last_write=4, differing=1), 2),
    (5, "clocks-apart", run(GOOD, later_lost=0, differing=0), 0),
    (5, "clocks-apart", run(GOOD, later_lost=3, differing=0), 1),
    (5, "clocks-apart", run(GOOD, later_lost=3, differing=1), 2),
]


@pytest.mark.parametrize(("lab", "name", "timeline", "right"), RIGHT)
def test_the_right_answer_is_the_one_that_the_run_bears_out(
    lab: int, name: str, timeline: Timeline, right: int
) -> None:
    assert experiment(lab, name).right(timeline) == right


def growth(write: tuple[float, float], read: tuple[float, float]) -> Timeline:
    figures: dict[str, float] = {}
    for kind, (small, large) in (("new_link", write), ("redirect", read)):
        figures |= {f"{kind}_small_seconds": small, f"{kind}_large_seconds": large, f"{kind}_growth": large / small}
    return Timeline(GOOD, (), 10.0, WHOLE, figures)


@pytest.mark.parametrize(
    ("write", "read", "right"),
    [
        ((0.005, 0.006), (0.001, 0.001), 0),
        ((0.005, 0.060), (0.001, 0.005), 1),
        ((0.005, 0.060), (0.005, 0.060), 2),
        ((0.005, 0.006), (0.001, 0.040), 3),
    ],
)
def test_what_grew_with_the_file(write: tuple[float, float], read: tuple[float, float], right: int) -> None:
    assert experiment(1, "growing-file").right(growth(write, read)) == right


@pytest.mark.parametrize(
    ("requests", "finished", "meanwhile", "right"),
    [(GOOD, 10, 0.012, 0), (GOOD, 10, 0.25, 1), (GOOD, 3, 0.012, 2), (BROKEN, 10, 0.012, 3)],
)
def test_what_readers_notice_of_deadlocks(
    requests: tuple[Request, ...], finished: float, meanwhile: float, right: int
) -> None:
    figures = {"redirect_before_seconds": 0.01, "redirect_meanwhile_seconds": meanwhile}
    timeline = Timeline(requests, (), 10.0, WHOLE, {"deadlocks": 10, "transactions_finished": finished, **figures})
    assert experiment(2, "deadlock").right(timeline) == right


def test_the_growing_file_compares_the_first_quiet_time_with_the_last() -> None:
    faults = (FaultSpan("grows", 2.0, 4.0), FaultSpan("grows", 6.0, 8.0))
    writes = [request(t / 10, 0.01 * (1 + t // 20), name="POST /links") for t in range(100)]
    planned = experiment(1, "growing-file")
    assert planned.measure is not None
    figures = planned.measure(run(tuple(writes), WHOLE, faults))
    assert (figures["new_link_small_seconds"], figures["new_link_large_seconds"]) == pytest.approx((0.01, 0.05))


def test_who_asks_in_the_first_second_and_waits_for_postgres_hangs() -> None:
    planned = experiment(2, "kill-postgres")
    faults = (FaultSpan("kill -9 postgres", 3.0, 3.4), FaultSpan("postgres started again", 7.0, 7.3))
    waiting = tuple(request(start, 8.0 - start, "unknown") for start in (3.1, 3.5, 4.0, 6.5))
    assert planned.measure is not None
    figures = planned.measure(run((*steady(0, 3), *waiting, *steady(8, 10)), WHOLE, faults))
    assert (figures["caught_at_first"], figures["waited_for_postgres"]) == (3, 3)


def test_clicks_that_a_kill_does_not_excuse_are_told_with_how_far_back_they_may_lie() -> None:
    planned = experiment(4, "kill-copy")

    def row(found: Timeline) -> str:
        return dict(table(planned, found))["clicks counted"]

    excused = counted(lost=5, excused=12)
    assert "lost: 5 (the service's last 100 ms held at most 12), doubled" in row(excused)
    beyond = counted(lost=17, excused=12, lost_beyond=5)
    assert beyond.audit is not None
    assert beyond.audit.clicks is not None
    within = replace(beyond, audit=replace(beyond.audit, clicks=replace(beyond.audit.clicks, within=0.35)))
    assert "lost: 17 (the service's last 100 ms held at most 12, its last 350 ms all of them), doubled" in row(within)
    assert "held at most 12), doubled" in row(beyond)  # they lie elsewhere: then no time is named


def test_which_links_are_lost_is_told_of_the_first_five() -> None:
    planned = experiment(5, "asynchronous-loss")
    lost = tuple((f"id{number}", f"https://example.com/{number}") for number in range(1, 1007))
    told = [dict(table(planned, run(GOOD, replace(WHOLE, lost=lost[:count])))) for count in (0, 1, 5, 1006)]
    assert "the lost ones" not in told[0]
    assert told[1]["the lost ones"] == "id1 to https://example.com/1"
    assert told[2]["the lost ones"].endswith(", id5 to https://example.com/5")
    assert told[3]["the lost ones"] == told[2]["the lost ones"] + ", and 1,001 more"


def test_where_nothing_failed_the_explanation_does_not_speak_of_an_outage() -> None:
    planned = experiment(1, "kill")
    said = explained(planned, as_planned(planned, GOOD))
    assert "for no time at all nobody was served" in said


KILLED, STARTED = FaultSpan("kill -9 redis", 4.0), FaultSpan("redis started again", 8.0)


@pytest.mark.parametrize(
    ("requests", "right"),
    [
        ((*steady(0, 4), *steady(4, 8, "failed"), *steady(8, 10)), 0),
        ((*steady(0, 4), *steady(4, 8, seconds=0.25), *steady(8, 10)), 1),
        (tuple(steady(0, 10)), 2),
        ((*steady(0, 6.5), *steady(6.5, 8, "failed"), *steady(8, 10)), 3),
    ],
    ids=["fails", "waits for a timeout", "goes on", "breaks down later"],
)
def test_what_people_notice_without_redis(requests: tuple[Request, ...], right: int) -> None:
    planned = experiment(3, "kill-redis")
    timeline = run(requests, WHOLE, (KILLED, STARTED))
    assert planned.measure is not None
    assert planned.right(replace(timeline, figures=dict(planned.measure(timeline)))) == right


def test_the_queries_without_redis_are_compared_with_those_before() -> None:
    def queries(at: float) -> float:
        return 400.0 if 4 <= at < 8 else 10.0

    series = Series("db", "queries", tuple((at / 5, queries(at / 5)) for at in range(50)))
    timeline = replace(run(tuple(steady(0, 10)), WHOLE, (KILLED, STARTED)), series=(series,))
    planned = experiment(3, "kill-redis")
    assert planned.measure is not None
    figures = planned.measure(timeline)
    assert (figures["queries_before"], figures["queries_without"], figures["hits_before"]) == (10, 400, 0)


def test_the_time_to_work_off_the_lag_begins_when_the_link_is_healed() -> None:
    def lag(at: float) -> float:
        return 30_000.0 if 5 <= at < 12.5 else 10.0

    planned = experiment(3, "slow-worker")
    faults = tuple(FaultSpan(entry.label, entry.seconds, entry.seconds + 0.2) for entry in planned.schedule)
    lags = Series("lag", "events", tuple((at / 2, lag(at / 2)) for at in range(36)))
    memory = Series("memory", "MB", tuple((float(at), 60.0 + at) for at in range(18)))
    timeline = replace(run(GOOD, WHOLE, faults), series=(lags, memory), seconds=18.0)
    assert planned.measure is not None
    figures = planned.measure(timeline)
    assert (figures["most_behind"], figures["worked_off_seconds"]) == (30_000, 1.5)
    assert (figures["memory_before"], figures["memory_at_most"]) == (62, 77)


def test_each_time_a_replica_is_late_the_new_links_of_that_time_are_taken() -> None:
    planned = experiment(5, "lagging-replica")
    late = posts(14, 20, seconds=0.21)
    faults = tuple(FaultSpan(entry.label, entry.seconds, entry.seconds + 0.2) for entry in planned.schedule)
    assert planned.measure is not None
    figures = planned.measure(run((*posts(0, 14), *late, *posts(20, 24)), WHOLE, faults))
    assert figures == pytest.approx({"before_seconds": 0.01, "replica_seconds": 0.01, "synchronous_seconds": 0.21})


def test_a_storm_is_counted_while_nobody_was_there() -> None:
    planned = experiment(4, "retry-storm")
    faults = tuple(FaultSpan(entry.label, entry.seconds, entry.seconds + 0.2) for entry in planned.schedule)
    before = request(2.0, name="GET backoff")
    wanted = [request(5.0, outcome="failed", name="GET backoff") for _ in range(4)]
    together = [request(5.1 + number / 1000, outcome="failed", name="GET backoff, again") for number in range(4)]
    apart = [request(5.3 + number / 10, name="GET backoff, again") for number in range(2)]
    assert planned.measure is not None
    figures = planned.measure(run((before, *wanted, *together, *apart), WHOLE, faults))
    assert (figures["backoff_a_call"], figures["backoff_together"], figures["backoff_given_up"]) == (2.5, 4, 2)


def flooded(requests: tuple[Request, ...], **figures: float) -> Timeline:
    """A run with both floods, the first from 4.0 s to 8.0 s, and Postgres's log beside it."""
    planned = experiment(4, "flood")
    spans = tuple(FaultSpan(entry.label, entry.seconds, entry.seconds + 4.0) for entry in planned.schedule)
    log = Series("log", "log", tuple((at / 2, 300.0 if at >= 22 else 10.0) for at in range(32)))
    timeline = replace(run(requests, WHOLE, spans, burst=20, limit_a_second=10, **figures), series=(log,))
    assert planned.measure is not None
    return replace(timeline, figures={**timeline.figures, **planned.measure(timeline)})


def test_each_flood_is_told_by_what_the_others_noticed_of_it() -> None:
    redirects = (*steady(1, 4), *steady(4, 8, seconds=0.02), *steady(11, 15, seconds=0.05))
    refused = replace(request(6.0, outcome="failed", name="POST /links"), status=429)
    figures = flooded((*redirects, refused), sent=1600, made=59).figures
    assert (figures["allowed"], figures["neighbours_refused"], figures["redirects_failed"]) == (60, 1, 0)
    assert (figures["log_before"], figures["log_meanwhile"], figures["log_by_many"]) == (10, 10, 300)
    times = [figures[f"redirect_{name}_seconds"] for name in ("before", "meanwhile", "by_many")]
    assert times == [0.01, 0.02, 0.05]


def test_the_breaker_is_open_when_the_first_reading_says_so() -> None:
    def state(at: float) -> float:
        return 2.0 if 4.75 <= at < 11 else 0.0

    planned = experiment(4, "slow-redis")
    faults = tuple(FaultSpan(entry.label, entry.seconds, entry.seconds + 0.2) for entry in planned.schedule)
    series = Series("breaker", "breaker", tuple((at / 4, state(at / 4)) for at in range(60)))
    assert planned.measure is not None
    figures = planned.measure(replace(run(GOOD, WHOLE, faults), series=(series,)))
    assert (figures["breaker_open_seconds"], figures["breaker_closed_seconds"]) == (0.75, 1.0)


def test_a_flood_that_the_limit_would_let_through_is_told() -> None:
    with pytest.raises(LabError, match="flood was none"):
        flooded(GOOD, sent=60, made=60)
