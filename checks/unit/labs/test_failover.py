"""What clients saw of a change of the leader: from their requests alone, and told on one time line."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from checks.unit.experiment.samples import request
from infra.experiment.timeline import Audit, Outcome, Request, Timeline
from infra.failover.change import Change
from infra.runtime.protocol import Runtime
from labs.lab5_failover import drill
from labs.lab5_failover.drill import Drill, told
from labs.lab5_failover.strikes import STRIKES
from labs.lab5_failover.trial import POST, Struck, Trial, _Playing, _seen

ORIGIN = 1000.0  # the run's beginning on the clock of the change
CHANGE = Change("pg-1", "pg-2", ORIGIN + 5.0, ORIGIN + 6.0, ORIGIN + 6.5)
STRUCK = Struck(STRIKES["host-fenced"], CHANGE, rejoined=2.0)
WOUND_BACK = "2026-11-30 10:00:00,123 INFO: pg_rewind exit code=0\n"
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
    done = Trial(Timeline((), (), 12.0, audit), (struck,))
    said = told(Drill(done, rewound=True))
    rows = [line.split(" s  ") for line in said.splitlines() if " s  " in line]
    assert [float(at) for at, _ in rows] == [0.0, 0.2, 1.0, 1.5, 1.8]
    assert "pg-1 leads, and is struck: host killed, its lease taken" in rows[0][1]
    assert "promoted: pg-2 takes writes" in rows[3][1]
    assert "All nodes followed pg-2 2.0 s after pg-1 was let go on.\n  pg-1 was wound back with pg_rewind.\n" in said
    assert "  pg-1 followed without a rewind.\n" in told(Drill(done, rewound=False))
    assert "RTO 1.90 s:" in said
    assert "RPO: of 1,234 acknowledged links 1 are lost." in said


def test_a_drill_without_an_end_says_so() -> None:
    done = Trial(Timeline((), (), 12.0), (replace(STRUCK, change=replace(CHANGE, free=None)),))
    said = told(Drill(done, rewound=True))
    assert "RTO no write came through again:" in said
    assert "lease out" not in said


class Cluster:
    """Its logs grow by what Patroni says when a node is wound back."""

    def __init__(self) -> None:
        self.said = dict.fromkeys(("pg-1", "pg-2"), WOUND_BACK)

    def logs(self, box: str, *, lines: int) -> str:
        return self.said[box]


@pytest.mark.parametrize(("wound_back", "rewound"), [("pg-1", True), ("pg-2", False), ("", False)])
def test_who_led_was_wound_back_when_its_log_says_so_since_the_strike(
    wound_back: str, rewound: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what it said of an earlier failover, nor another node's rewind."""

    def trial(runtime: Cluster, *_: object) -> Trial:
        if wound_back:
            runtime.said[wound_back] += "INFO: running pg_rewind from host=pg-2\n" + WOUND_BACK
        else:
            runtime.said["pg-1"] += "INFO: running pg_rewind from host=pg-2\nINFO: pg_rewind exit code=1\n"
        return Trial(Timeline((), (), 12.0), (STRUCK,))

    monkeypatch.setattr(drill, "trial", trial)
    monkeypatch.setattr(drill, "nodes", lambda runtime: list(runtime.said))
    runtime = cast("Runtime", Cluster())
    assert drill.forced(runtime, lambda _: None, fenced=True).rewound is rewound


def test_patroni_says_it_in_these_words() -> None:
    """Another version's words would be taken for a node that followed without a rewind."""
    found = importlib.util.find_spec("patroni")
    assert found is not None
    assert found.origin is not None
    said = (Path(found.origin).parent / "postgresql" / "rewind.py").read_text()
    assert drill._REWOUND.replace("=0", "=%s") in said


def test_strikes_for_which_the_load_leaves_no_time_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    start, first, second = _Playing((STRIKES["host"], STRIKES["postgres"]), 30.0, began=0.0).schedule()
    assert start.seconds < first.seconds < second.seconds
    assert not second.unless()
    now[0] = 29.0
    assert second.unless()
