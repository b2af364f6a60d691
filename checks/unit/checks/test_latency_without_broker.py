"""The verdict on redirects without a broker: as quick, slower, or not to be told on this machine."""

from __future__ import annotations

import pytest

from checks.lab3.check_latency_without_broker import Round, _judge
from checks.plugin.latency import Times
from checks.plugin.verdict import CheckFailed, Inconclusive


def times(milliseconds: float) -> Times:
    return Times((milliseconds / 1000,) * 20)


def judge(*rounds: tuple[float, float]) -> None:
    """Each as (milliseconds before, milliseconds under the fault)."""
    done = [Round(times(before), times(under)) for before, under in rounds]
    _judge(min(done, key=lambda one: one.ratio), done, "Killed it.")


def test_one_round_as_quick_as_before_is_enough() -> None:
    judge((2, 9), (2, 2.9))


def test_the_slowest_tenth_counts_as_well() -> None:
    slow_tail = Times((0.002,) * 17 + (0.02,) * 3)
    assert Round(times(2), slow_tail).ratio == pytest.approx(10)


def test_slower_each_time_is_rejected() -> None:
    with pytest.raises(CheckFailed, match="Does a redirect wait for the broker"):
        judge((2, 4), (2, 5), (2.1, 4))


def test_a_machine_that_changes_its_pace_cannot_tell_twice_from_once() -> None:
    with pytest.raises(Inconclusive, match="unequally long"):
        judge((2, 4), (4, 8), (2, 5))


def test_a_hang_is_told_on_any_machine() -> None:
    with pytest.raises(CheckFailed):
        judge((2, 900), (6, 900), (2, 900))
