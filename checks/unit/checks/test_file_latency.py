"""The verdict on redirects beside a large file: as quick, slower, or not to be told on this machine."""

from __future__ import annotations

import pytest

from checks.lab1.check_file import _judge
from checks.plugin.latency import Times
from checks.plugin.verdict import CheckFailed, Inconclusive


def times(*milliseconds: float) -> Times:
    return Times(tuple(one / 1000 for one in milliseconds) * 10)


def test_as_quick_is_proved() -> None:
    _judge(times(1.0), times(1.5), 1000)


def test_one_that_reads_its_file_is_slow_each_time() -> None:
    with pytest.raises(CheckFailed, match="Does each GET read the file"):
        _judge(times(1.0), times(2.0), 1000)


def test_a_machine_that_slows_the_half_of_them_decides_nothing() -> None:
    with pytest.raises(Inconclusive, match="only the slower GETs"):
        _judge(times(0.5, 0.5, 0.5, 3.5), times(0.5, 0.5, 3.5, 3.5), 1000)
