"""Faults happen on time, in order, and are written down as they really happened."""

from __future__ import annotations

from typing import cast

import pytest

from infra.errors import LabError
from infra.experiment.schedule import At, play
from infra.experiment.timeline import FaultSpan
from infra.runtime.protocol import Runtime

NOBODY = cast("Runtime", None)


class Clock:
    """Time passes only when someone sleeps or works."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def work(self, seconds: float) -> None:
        self.now += seconds


def test_each_fault_at_its_time_in_order_of_time_whatever_the_order_written() -> None:
    clock, done = Clock(), []
    schedule = [At(5, "later", lambda _: done.append("later")), At(2, "sooner", lambda _: done.append("sooner"))]
    spans, _ = play(schedule, NOBODY, 100.0, clock=clock, sleep=clock.sleep)
    assert done == ["sooner", "later"]
    assert [(span.label, round(span.start, 6), span.end) for span in spans] == [("sooner", 2, None), ("later", 5, None)]


def test_a_slow_fault_delays_the_next_one_only_as_long_as_it_takes() -> None:
    clock = Clock()
    schedule = [
        At(2, "slow", lambda _: clock.work(1.5)),
        At(3, "due meanwhile", lambda _: None),
        At(6, "unmoved", lambda _: None),
    ]
    spans, _ = play(schedule, NOBODY, 100.0, clock=clock, sleep=clock.sleep)
    assert [(span.label, round(span.start, 6)) for span in spans] == [
        ("slow", 2),
        ("due meanwhile", 3.5),
        ("unmoved", 6),
    ]
    assert spans[0].end == pytest.approx(3.5)


def test_what_faults_measure_is_kept() -> None:
    clock = Clock()
    schedule = [At(0, "a", lambda _: {"x": 1.0}), At(1, "b", lambda _: {"y": 2.0}), At(2, "c", lambda _: None)]
    assert play(schedule, NOBODY, 100.0, clock=clock, sleep=clock.sleep)[1] == {"x": 1.0, "y": 2.0}


def test_a_load_that_ends_early_ends_the_play_before_the_next_fault() -> None:
    clock = Clock()
    done: list[object] = []

    def look() -> None:
        if clock.now > 101:
            raise LabError("the load is gone")

    with pytest.raises(LabError, match="the load is gone"):
        play([At(5, "never", done.append)], NOBODY, 100.0, meanwhile=look, clock=clock, sleep=clock.sleep)
    assert done == []


def test_a_fault_is_announced_before_it_is_done() -> None:
    clock, told = Clock(), []
    schedule = [At(1, "kill", lambda _: told.append("done"))]
    play(schedule, NOBODY, 100.0, clock=clock, sleep=clock.sleep, announce=lambda span: told.append(span.label))
    assert told == ["kill", "done"]
    assert FaultSpan("kill", 1.0).end is None


def test_what_is_not_wanted_any_more_is_left_out_and_not_told() -> None:
    clock, done = Clock(), []
    schedule = [
        At(1, "slow", lambda _: clock.work(5)),
        At(2, "too late", lambda _: done.append("late"), unless=lambda: clock.now > 103),
        At(3, "still wanted", lambda _: done.append("wanted"), kills="app"),
    ]
    spans, _ = play(schedule, NOBODY, 100.0, clock=clock, sleep=clock.sleep)
    assert done == ["wanted"]
    assert [(span.label, span.kills) for span in spans] == [("slow", ""), ("still wanted", "app")]
