"""The benchmarks of lab 5's leader and of the checks: what they make of what they saw."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from bench import checks, failover
from bench.__main__ import _plain
from bench.checks import Checked
from infra.experiment.timeline import Audit, Timeline
from infra.failover.change import Change
from labs.lab5_failover.strikes import STRIKES
from labs.lab5_failover.trial import Struck, Trial

HOST = Struck(STRIKES["host"], Change("pg-1", "pg-2", 0.0, 20.0, 20.5), 2.0, outage=20.6)
EACH = tuple(replace(HOST, strike=STRIKES[name], outage=0.8) for name in ("host-fenced", "switchover", "postgres"))


def met(*struck: Struck) -> list[bool]:
    trial = Trial(Timeline((), (), 90.0, Audit(1000, (), 0, 0)), struck)
    return [figure.met for figure in failover.figures([trial])]


def test_each_kind_of_fault_is_judged_by_its_own_target() -> None:
    assert met(*25 * (HOST, *EACH)) == [True] * 6
    assert met(*25 * (replace(HOST, outage=21.5), *EACH)) == [True, False, True, True, True, True]
    assert not met(HOST, *EACH)[0]  # no hundred faults


@pytest.mark.parametrize("outage", [None, 20.6])
def test_an_outage_that_was_not_seen_to_end_is_not_met(outage: float | None) -> None:
    """None of them, or one of two."""
    assert met(replace(HOST, outage=outage), replace(HOST, outage=None), *50 * EACH)[1] is False


def test_a_fault_that_never_came_is_not_met_and_stays_in_the_table() -> None:
    assert met(*50 * EACH) == [True, False, True, True, True, True]
    trial = Trial(Timeline((), (), 90.0, Audit(1000, (), 0, 0)), EACH)
    never = failover.figures([trial])[1]
    assert math.isinf(never.value)
    assert json.loads(json.dumps(_plain(never), allow_nan=False))["value"] is None


def test_the_checks_of_all_labs_are_the_sum_of_each_labs() -> None:
    checked = {lab: Checked(seconds, True) for lab, seconds in zip("12345", (20, 29, 89, 121, 280), strict=True)}
    figures = [checks.figure(labs, most, checked) for labs, most in checks.MOST.items()]
    assert [figure.value for figure in figures] == [49, 89, 121, 280, 539]
    assert all(figure.met for figure in figures)
    slow = {**checked, "5": Checked(301, False)}
    assert [checks.figure(labs, most, slow).met for labs, most in checks.MOST.items()] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert not checks.figure(("4",), 150.0, {"4": Checked(1.0, False)}).met
