"""What clients saw of a change of the leader: from their requests alone, and told on one time line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.unit.experiment.samples import request
from infra.experiment.timeline import Audit, Outcome, Request, Timeline
from infra.failover.change import Change
from labs.lab5_failover.drill import told
from labs.lab5_failover.strikes import STRIKES
from labs.lab5_failover.trial import POST, Struck, Trial, _Playing, _seen

ORIGIN = 1000.0  # the run's beginning on the clock of the change
CHANGE = Change("pg-1", "pg-2", ORIGIN + 5.0, ORIGIN + 6.0, ORIGIN + 6.5)
STRUCK = Struck(STRIKES["host-fenced"], CHANGE, rejoined=2.0)
BEFORE = [(number / 10, "ok") for number in range(50)]


def seen(*writes: tuple[float, str]) -> Struck:
    return _seen(STRUCK, Timeline(tuple(posted(at, outcome) for at, outcome in writes), (), 20.0), ORIGIN)


def posted(end: float, outcome: str) -> Request:
    """A write that ended then, after 10 ms."""
    kind: Outcome = "ok" if outcome == "ok" else "unknown"
    return request(end - 0.01, 0.01, kind, name=POST)


def test_the_outage_is_between_the_last_write_before_and_the_first_after() -> None:
    found = seen(*BEFORE, (5.2, "unknown"), (5.9, "unknown"), (6.8, "ok"), (6.9, "ok"), (7.0, "ok"))
    assert found.detected == pytest.approx(0.2)
    assert found.reconnected == pytest.approx(1.8)
    assert found.outage == pytest.approx(1.9)
    assert (found.free, found.promoted) == (1.0, 1.5)


def test_a_write_that_comes_through_after_the_fault_began_is_not_the_reconnection() -> None:
    """The longest gap counts: what was under way at the kill may still be answered."""
    found = seen(*BEFORE, (5.05, "ok"), (7.0, "ok"), (7.1, "ok"))
    assert found.reconnected == pytest.approx(2.0)
    assert found.outage == pytest.approx(1.95)


def test_a_failure_long_before_or_after_is_another_ones() -> None:
    found = seen((2.0, "unknown"), *BEFORE, (5.3, "ok"), (9.55, "ok"), (9.6, "unknown"), (15.0, "ok"))
    assert found.detected is None
    assert found.outage == pytest.approx(4.25)


def test_where_nobody_wrote_again_there_is_no_end_of_the_outage() -> None:
    found = seen(*BEFORE, (5.2, "unknown"))
    assert (found.detected, found.reconnected, found.outage) == (None, None, None)


def test_a_load_that_ended_during_the_fault_tells_no_outage() -> None:
    found = seen(*BEFORE, (5.04, "ok"), (5.3, "ok"))
    assert (found.reconnected, found.outage) == (None, None)


def test_the_drill_is_told_in_the_order_of_time_with_what_it_comes_to() -> None:
    audit = Audit(1234, (("abc", "https://example.com/"),), 3, 1)
    struck = replace(STRUCK, detected=0.2, reconnected=1.8, outage=1.9)
    said = told(Trial(Timeline((), (), 12.0, audit), (struck,)))
    rows = [line.split(" s  ") for line in said.splitlines() if " s  " in line]
    assert [float(at) for at, _ in rows] == [0.0, 0.2, 1.0, 1.5, 1.8]
    assert "pg-1 leads, and is struck: host killed, its lease taken" in rows[0][1]
    assert "promoted: pg-2 takes writes" in rows[3][1]
    assert "All nodes followed pg-2 2.0 s after pg-1 was let go on." in said
    assert "RTO 1.90 s:" in said
    assert "RPO: of 1,234 acknowledged links 1 are lost." in said


def test_a_drill_without_an_end_says_so() -> None:
    said = told(Trial(Timeline((), (), 12.0), (replace(STRUCK, change=replace(CHANGE, free=None)),)))
    assert "RTO no write came through again:" in said
    assert "lease out" not in said


def test_strikes_for_which_the_load_leaves_no_time_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    start, first, second = _Playing((STRIKES["host"], STRIKES["postgres"]), 30.0, began=0.0).schedule()
    assert start.seconds < first.seconds < second.seconds
    assert not second.unless()
    now[0] = 29.0
    assert second.unless()
