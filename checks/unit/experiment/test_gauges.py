"""Gauges: how a counter becomes a rate, and what happens when a server cannot be read."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator

import pytest

from checks.unit.experiment.tiny_service import TinyRuntime
from infra.errors import LabError
from infra.experiment.gauges import Gauge, Read, read_meanwhile


def gauge(*values: float | None, rate: bool = False) -> Gauge:
    """It reads those values, and the last one for ever."""

    @contextlib.contextmanager
    def opened(stage: object) -> Iterator[Read]:
        rest = itertools.chain(values, itertools.repeat(values[-1]))
        yield lambda: next(rest)

    return Gauge("g", "what it is", opened, rate=rate, every=0.02)


def read(stage: TinyRuntime, one: Gauge, seconds: float = 0.3) -> list[float | None]:
    began = time.monotonic()
    with read_meanwhile((one,), stage.as_runtime()) as readings:
        time.sleep(seconds)
    (series,) = readings.series(began, seconds)
    assert all(0 <= at <= seconds for at, _ in series.points)
    return [value for _, value in series.points]


def test_a_gauge_shows_what_it_reads(stage: TinyRuntime) -> None:
    assert read(stage, gauge(3.0, None, 5.0))[:4] == [3.0, None, 5.0, 5.0]


def test_a_counter_shows_how_fast_it_grows(stage: TinyRuntime) -> None:
    grown = read(stage, gauge(100.0, 102.0, 102.0, rate=True))
    assert grown[0] == pytest.approx(100, rel=0.8)  # 2 in about 0.02 s, on a busy machine later
    assert set(grown[1:]) == {0.0}


def test_a_counter_that_was_set_back_or_away_is_unknown(stage: TinyRuntime) -> None:
    grown = read(stage, gauge(100.0, 0.0, None, 3.0, 3.0, rate=True))
    assert grown[:3] == [None, None, None]
    assert grown[3] == 0.0


def test_what_was_read_before_the_load_began_is_left_out(stage: TinyRuntime) -> None:
    with read_meanwhile((gauge(1.0),), stage.as_runtime()) as readings:
        time.sleep(0.2)
        began = time.monotonic()
        time.sleep(0.2)
    (series,) = readings.series(began, 10.0)
    assert 0 < len(series.points) < 15


def test_a_gauge_that_cannot_be_opened_ends_the_run(stage: TinyRuntime) -> None:
    @contextlib.contextmanager
    def closed(runtime: object) -> Iterator[Read]:
        raise LabError("no such server")
        yield

    with (
        pytest.raises(LabError, match="no such server"),
        read_meanwhile((gauge(1.0), Gauge("g", "", closed)), stage.as_runtime()),
    ):
        pytest.fail("the block is not entered")
