"""The questions that one asks of a timeline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.unit.experiment.samples import request, steady
from infra.experiment.timeline import FaultSpan, Request, Timeline, percentile


def timeline(*parts: Request | list[Request], seconds: float = 10.0) -> Timeline:
    flat = [request for part in parts for request in (part if isinstance(part, list) else [part])]
    return Timeline(tuple(sorted(flat, key=lambda request: request.start)), (), seconds)


def ends(window: tuple[float, float | None] | None) -> list[float | None]:
    """The window's two ends to a hundredth of a second."""
    assert window is not None
    return [None if end is None else round(end, 2) for end in window]


def test_nothing_failed_means_no_window() -> None:
    assert timeline(steady(0, 10)).failed_window() is None


def test_the_failed_window_goes_from_the_first_failure_to_the_first_stable_answer() -> None:
    run = timeline(steady(0, 3), steady(3, 5, "failed"), steady(5, 10))
    assert ends(run.failed_window()) == [3.0, 5.01]


def test_one_lucky_answer_among_failures_is_no_recovery() -> None:
    run = timeline(steady(0, 3), steady(3, 4, "failed"), request(4.0), steady(4.1, 6, "unknown"), steady(6, 10))
    assert ends(run.failed_window()) == [3.0, 6.01]


def test_a_refusal_by_a_rate_limit_is_an_answer() -> None:
    refused = [replace(request(number, outcome="failed"), status=429) for number in range(3, 6)]
    assert timeline(steady(0, 3), refused, steady(6, 10)).failed_window() is None
    run = timeline(steady(0, 3), steady(3, 4, "failed"), refused[1:])
    assert ends(run.failed_window()) == [3.0, 4.01]


def test_a_service_that_never_comes_back_has_an_open_window() -> None:
    run = timeline(steady(0, 3), steady(3, 10, "failed"))
    assert ends(run.failed_window()) == [3.0, None]
    assert run.recovery(3.0) is None


def test_a_request_that_waited_through_the_outage_ends_it_with_its_answer() -> None:
    run = timeline(steady(0, 3), request(3.0, 0.1, "failed"), request(3.1, 2.4), steady(5.5, 10))
    assert run.recovery(3.0) == pytest.approx(2.5)


def test_recovery_is_counted_from_the_moment_given() -> None:
    run = timeline(steady(0, 3), steady(3, 6.5, "failed"), steady(6.5, 10))
    assert run.recovery(6.0) == pytest.approx(0.51)


def test_requests_in_a_bucket_are_those_that_started_there_and_latency_is_of_all_under_way() -> None:
    run = timeline(request(0.1), request(0.2, 2.5), request(1.1, outcome="failed"), request(3.9), seconds=4.0)
    buckets = run.buckets(1.0)
    assert [(b.ok, b.failed) for b in buckets] == [(2, 0), (0, 1), (0, 0), (1, 0)]
    assert [b.p99 for b in buckets] == [2.5, 2.5, 2.5, 0.01]


def test_a_request_that_ends_past_the_last_bucket_counts_in_it() -> None:
    assert [b.total for b in timeline(request(0.9, 5.0), seconds=1.0).buckets(0.5)] == [0, 1]


def test_longest_and_over() -> None:
    run = timeline(request(0, 1.0), request(1, 5.2), request(2, 0.1))
    longest = run.longest()
    assert (longest and longest.seconds, run.over(5.0)) == (5.2, 1)


def test_counts_by_outcome_and_name() -> None:
    run = timeline(request(0), request(1, name="POST /links"), request(2, outcome="unknown", name="POST /links"))
    assert (run.count(), run.count("ok"), run.count("unknown", "POST /links"), run.count("ok", "x")) == (3, 2, 1, 0)


def test_a_fault_is_found_by_a_part_of_its_label() -> None:
    run = Timeline((), (FaultSpan("kill -9 app", 3.0), FaultSpan("app started again", 5.0)), 9.0)
    found = run.fault("started")
    assert found is not None
    assert found.start == 5.0
    assert run.fault("paused") is None


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 2), (0.51, 3), (0.99, 4), (1.0, 4)])
def test_percentiles_are_values_that_were_measured(share: float, expected: float) -> None:
    assert percentile([4, 1, 3, 2], share) == expected


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([], 0.5) is None
