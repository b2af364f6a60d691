"""The soak: which faults it plays, and that it sees each promise that is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from checks.soak.faults import CALM, FIRST, OUTAGE, connected, faults
from checks.soak.flow import Clicks, until_clicks_flow
from checks.soak.link_events import Change, acknowledged_changes, in_order
from checks.soak.plans import plan
from checks.soak.strikes import PAST_LEASE, kill, kill_process, outlast_lease
from checks.soak.verdict import in_figures, undecided, wrong
from infra.errors import LabError, NotSupported
from infra.experiment.ledger import GONE
from infra.experiment.timeline import Audit, ClickAudit, FaultSpan, Outcome, Request, Timeline
from infra.failover.change import Change as Failover
from infra.runtime.protocol import Runtime
from infra.stage import Stage as Boxes

LABS = (3, 4, 5)
EXACT = ClickAudit(seen=500, possible=3, counted=490, lost=12, excused=40, lost_beyond=0, doubled=0, settled=0.5)
WHOLE = Audit(100, (), 3, 1, (), EXACT)
GET = Request(1.0, 0.01, "GET /{id}", "ok", 302, "http://a/", "a")


def soaked(audit: Audit = WHOLE, *requests: Request) -> Timeline:
    spans = FaultSpan("kill -9 app", 3.0, 3.1, "app"), FaultSpan("redis paused", 5.0), FaultSpan("redis resumed", 6.0)
    return Timeline((GET, *requests), spans, 10.0, audit)


@pytest.mark.parametrize("lab", LABS)
def test_the_same_seed_is_the_same_soak(lab: int) -> None:
    def told(seed: int) -> list[tuple[float, str]]:
        return [(entry.seconds, entry.label) for entry in faults(seed, 600, plan(lab))]

    assert told(7) == told(7) != told(8)


@pytest.mark.parametrize("lab", LABS)
@pytest.mark.parametrize("seed", range(20))
def test_every_fault_is_taken_back_before_the_next_and_before_the_end(seed: int, lab: int) -> None:
    entries = faults(seed, 120, plan(lab))
    assert [entry.seconds for entry in entries] == sorted(entry.seconds for entry in entries)
    assert entries[0].seconds == FIRST
    assert entries[-1].seconds < 120 - CALM + OUTAGE[1] + PAST_LEASE * entries[-1].label.startswith("the one that led")
    left = list(entries)
    while left:
        broken = left.pop(0)
        assert broken.kills == (broken.label.split()[-1] if "kill -9" in broken.label else "")
        if not broken.label.startswith(("deploy", "switchover")):
            mended = left.pop(0)
            assert mended.starts == broken.kills
            assert mended.label.split()[-1] in {"started", "resumed", "joined", "hastened", "again", "restarted"}


class Stage:
    """It writes down what is done to it, and each start takes three minutes."""

    def __init__(self, clock: list[float]) -> None:
        self.done: list[str] = []
        self._clock = clock

    def __getattr__(self, verb: str) -> Callable[[str], None]:
        def did(*on: object) -> None:
            self.done.append(f"{verb} {on[0] if on else ''}")
            self._clock[0] += 180.0 * (verb in ("start", "resume"))

        return did


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still but for sleeping; and clicks that always flow."""
    now = [1000.0]
    monkeypatch.setattr("checks.soak.faults.time.monotonic", lambda: now[0])
    monkeypatch.setattr("checks.soak.faults.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr("checks.soak.faults.until_clicks_flow", lambda stage, is_over: None)
    return now


def test_what_a_slow_machine_did_not_come_to_is_left_out_and_nothing_stays_broken(now: list[float]) -> None:
    stage = Stage(now)
    entries = faults(3, 600, plan(3))
    for entry in entries:
        if not entry.unless():
            entry.do(cast("Runtime", stage))
    assert 4 <= len(stage.done) // 2 <= 5 < len(entries) // 2
    assert [word.split()[0] in ("kill", "pause") for word in stage.done] == [True, False] * (len(stage.done) // 2)


def test_what_a_runtime_cannot_do_is_told_and_nothing_is_taken_back(now: list[float]) -> None:
    class Unable(Stage):
        def slow(self, *on: object) -> None:
            raise NotSupported("no packet queues here")

    stage = Unable(now)
    struck, back = faults(3, 1.0, replace(plan(4), shares={"slow": 1.0}))
    (told,) = struck.do(cast("Runtime", stage)) or {}
    assert told.startswith("not done: ")
    assert told.endswith("(no packet queues here)")
    assert back.unless()


def test_a_process_is_killed_once_its_node_has_rejoined(now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(now)
    monkeypatch.setattr("checks.soak.strikes.until_whole", lambda stage: stage.done.append("whole"))
    kill_process("pg-1", "postgres").do(cast("Runtime", stage))
    assert stage.done == ["whole", "kill_process pg-1"]


def test_the_leader_is_paused_until_another_one_leads_and_then_it_is_the_one_that_goes_on(
    now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(now)

    def awaited(stage: Stage, strike: Callable[[str], None]) -> Failover:
        strike("pg-2")
        now[0] += PAST_LEASE
        stage.done.append("another one leads")
        return Failover("pg-2", "pg-3", 0.0, None, PAST_LEASE)

    monkeypatch.setattr("checks.soak.strikes.until_whole", lambda stage: stage.done.append("whole"))
    monkeypatch.setattr("labs.lab5_failover.strikes.awaited", awaited)
    struck, back = faults(1, 1.0, replace(plan(5), shares={"lease": 1.0}))
    assert back.seconds >= struck.seconds + PAST_LEASE + OUTAGE[0]
    for entry in (struck, back):
        assert not entry.unless()
        entry.do(cast("Runtime", stage))
    assert stage.done == ["whole", "pause pg-2", "another one leads", "resume pg-2"]


def test_a_lease_that_would_outlast_the_load_is_left_alone(now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "checks.soak.faults.dealer", lambda plan, dice: iter(10 * [kill("redis"), outlast_lease()]).__next__
    )
    first, back, second, _, *_ = faults(1, 40.0, plan(5))
    for entry in (first, back):
        entry.do(cast("Runtime", Stage(list(now))))
    now[0] = 1000.0 + 40.0 - FIRST - PAST_LEASE - 1.5
    assert not second.unless()
    now[0] += 1.0
    assert second.unless()


def test_a_lease_runs_out_about_once_in_four_minutes() -> None:
    labels = [entry.label for seed in range(20) for entry in faults(seed, 900, plan(5))]
    assert 40 <= labels.count("leader paused past its lease") <= 150  # in 300 minutes


@pytest.mark.parametrize(("lab", "least"), [(3, 8), (4, 2), (5, 1)])
def test_ten_minutes_meet_every_box_many_times(lab: int, least: int) -> None:
    killed = [entry.kills for entry in faults(1, 600, plan(lab)) if entry.kills]
    assert set(killed) == set(plan(lab).boxes)
    assert min(killed.count(box) for box in plan(lab).boxes) >= least


def test_lab_4_is_struck_in_every_way_its_copies_too() -> None:
    four = plan(4)
    assert {"balancer", "app-1", "app-3", "postgres", "redis", "kafka", "worker", "toplist", "audit", "outbox"} <= set(
        four.boxes
    )
    assert {("balancer", "app-2"), ("app-2", "redis"), ("worker", "kafka")} <= set(four.links)
    assert not {"app-4", "topics", "migrate-lab3"} & {name for pair in four.links for name in pair}
    labels = " ".join(entry.label for entry in faults(1, 600, four))
    for part in ("kill -9 ", " paused", " cut off from ", " slowed to ", "deploy of version 2", "scaled to 5 copies"):
        assert part in labels


def test_there_is_no_soak_of_lab_2() -> None:
    with pytest.raises(LabError, match="LAB=3"):
        plan(2)


def test_nothing_is_struck_before_each_copys_clicks_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("checks.soak.faults.until_clicks_flow", lambda stage, is_over: asked.append(is_over()))
    first = connected(60.0)
    assert first.seconds < faults(1, 60.0, plan(4))[0].seconds
    first.do(cast(Runtime, None))
    connected(1.0).do(cast(Runtime, None))  # too short a load to wait for anything
    assert asked == [False, True]


def test_a_short_soak_has_one_fault_at_least() -> None:
    assert len(faults(1, 1.0, plan(3))) == 2


class Copies:
    """A stage of lab 3, whose clicks wait as long as the broker is away."""

    stage = Boxes(())

    def address(self, box: str) -> tuple[str, int]:
        return box, 0


def flow(monkeypatch: pytest.MonkeyPatch, *told: Clicks | None) -> int:
    """How often the service was looked at before its clicks flowed."""
    answers = list(told)
    monkeypatch.setattr("checks.soak.flow.read_clicks", lambda address: answers.pop(0))
    monkeypatch.setattr("checks.soak.flow.time.sleep", lambda seconds: None)
    until_clicks_flow(cast("Runtime", Copies()), lambda: not answers)
    return len(told) - len(answers)


def test_clicks_flow_once_what_had_waited_is_sent_and_more_came_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flow(monkeypatch, None, Clicks(5, 10), Clicks(15, 30), Clicks(16, 30), Clicks(99, 0)) == 4
    assert flow(monkeypatch, Clicks(0, 0), Clicks(0, 0), Clicks(1, 0), Clicks(9, 0)) == 3


def test_nobody_waits_for_clicks_when_the_load_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flow(monkeypatch, Clicks(0, 5)) == 1


def test_what_a_kill_of_the_service_excuses_is_no_problem() -> None:
    assert wrong(soaked(), {}) == []


@pytest.mark.parametrize(
    ("timeline", "events", "said"),
    [
        (soaked(replace(WHOLE, lost=(("a", "http://a/"),))), {}, "1 acknowledged links are lost"),
        (soaked(replace(WHOLE, doubled=("http://a/",))), {}, "1 links were made twice under one key"),
        (soaked(replace(WHOLE, clicks=replace(EXACT, lost_beyond=4))), {}, "4 clicks are lost that no kill"),
        (soaked(replace(WHOLE, clicks=replace(EXACT, doubled=2))), {}, "2 clicks are counted twice"),
        (
            soaked(WHOLE, replace(GET, outcome="failed", error="another url in Location")),
            {},
            "1 redirects did not follow",
        ),
        (soaked(WHOLE, replace(GET, name=GONE, outcome="failed")), {}, "1 redirects did not follow"),
        (soaked(WHOLE, replace(GET, outcome="failed", status=502)), {}, "1 answers were an error of the service's own"),
        (soaked(), {"a": [("created", "http://a/")]}, "1 links have changes that were not told in order"),
        (soaked(replace(WHOLE, clicks=None)), {}, "shows no clicks"),
    ],
)
def test_each_broken_promise_is_told(timeline: Timeline, events: dict[str, list[object]], said: str) -> None:
    (sentence,) = wrong(timeline, events)
    assert said in sentence


@pytest.mark.parametrize(
    ("seconds", "within", "lost", "told"),
    [
        (0.1, 0.15, 5, True),  # a busy machine
        (0.004, 0.15, 5, False),  # a quiet one
        (0.1, 3.0, 5, True),  # thirty times as slow
        (0.1, 4.0, 5, False),  # too long ago for that
        (0.1, None, 5, False),  # not before a kill
        (0.1, 0.15, 0, False),  # nothing is wrong
    ],
)
def test_only_a_busy_machine_and_the_last_moments_before_a_kill_leave_it_open(
    seconds: float, within: float | None, lost: int, told: bool
) -> None:
    audit = replace(WHOLE, clicks=replace(EXACT, lost_beyond=lost, within=within))
    timeline = Timeline((replace(GET, seconds=seconds),), (), 10.0, audit)
    assert undecided(timeline, wrong(timeline, {})) == told
    lost_link = replace(timeline, audit=replace(audit, lost=(("a", "http://a/"),)))
    assert not undecided(lost_link, wrong(lost_link, {}))


def test_a_failed_request_is_no_broken_promise() -> None:
    away = replace(GET, outcome="failed", status=503, error="HTTP 503")
    assert wrong(soaked(WHOLE, away, replace(away, name=GONE)), {}) == []


def test_the_figures_name_the_faults_and_the_counts() -> None:
    said = "\\n".join(in_figures(soaked(), 42))
    for part in ("1 kills (app 1), 1 pauses (redis 1)", "500 redirects seen", "490 counted", "42 acknowledged changes"):
        assert part in said


def write(name: str, url: str = "", outcome: Outcome = "ok") -> Request:
    return Request(1.0, 0.01, name, outcome, None, url, "a")


def test_only_acknowledged_changes_are_looked_for_each_once() -> None:
    requests = [
        write("POST /links", "http://1/"),
        write("POST /links", "http://1/"),  # sent again under its key
        write("PATCH /links/{id}", "http://2/"),
        write("PATCH /links/{id}", "http://3/", "unknown"),
        write("DELETE /links/{id}"),
        GET,
    ]
    assert acknowledged_changes(requests) == {
        "a": [("created", "http://1/"), ("changed", "http://2/"), ("deleted", None)]
    }


ONE, TWO, END = ("created", "http://1/"), ("changed", "http://2/"), ("deleted", None)


@pytest.mark.parametrize(
    ("told", "whole"),
    [
        ([ONE, TWO, END], True),
        ([ONE, ONE, TWO, TWO, END], True),
        ([ONE, ("changed", "http://unknown/"), TWO, END], True),
        ([ONE, TWO], False),
        ([ONE, END, TWO], False),
        ([TWO, ONE, END], False),
        ([], False),
    ],
)
def test_events_may_come_twice_but_not_out_of_order(told: list[Change], whole: bool) -> None:
    assert in_order([ONE, TWO, END], told) == whole
