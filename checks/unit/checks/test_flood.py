"""What a flood must have got through is computed, not guessed: against a bucket whose clock the test turns."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checks.lab4.check_limit import _expect_no_more
from checks.lab4.flood import Flood, Limit, Try
from checks.plugin.service import Answer, Sent
from checks.plugin.verdict import CheckFailed, Inconclusive

LIMIT = Limit(rate=50, burst=100)
POST = Sent("", "POST", "/links", {}, None)


def flooded(times: list[tuple[float, float, float]], limit: Limit, copies: int = 1) -> Flood:
    """(start, counted, end) of each POST, decided by a bucket a copy."""
    buckets = [(float(limit.burst), times[0][1] if times else 0.0)] * copies
    tries = []
    for number, (start, counted, end) in enumerate(sorted(times, key=lambda one: one[1])):
        tokens, at = buckets[number % copies]
        tokens = min(limit.burst, tokens + max(0.0, counted - at) * limit.rate)
        status = 201 if tokens >= 1 else 429
        buckets[number % copies] = (tokens - (status == 201), counted)
        tries.append(Try(start, end, Answer(status, {}, b"", end - start, POST)))
    return Flood(tuple(tries))


def steady(seconds: float, each: float, latency: float = 0.01) -> list[tuple[float, float, float]]:
    return [(n * each, n * each + latency / 2, n * each + latency) for n in range(int(seconds / each))]


@settings(deadline=None)
@example([(0, 0, 0), (0, 18, 0), (34, 0, 0)], 59, 1)  # full again in between, it lost what it gained then
@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=80),
    st.integers(1, 60),
    st.integers(1, 40),
)
def test_a_right_bucket_is_always_within_the_bounds(
    milliseconds: list[tuple[int, int, int]], rate: int, burst: int
) -> None:
    """Whatever order and whatever latency: each POST starts, is counted a while later, and is answered after that."""
    limit = Limit(rate, burst)
    moments = [(start / 1e3, wait / 1e3, back / 1e3) for start, wait, back in milliseconds]
    done = flooded([(start, start + wait, start + wait + back) for start, wait, back in moments], limit)
    assert len(done.made) <= done.most(limit) + 1e-6
    if done.refused:
        assert len(done.made) >= done.least(limit) - 1e-6


def test_the_bounds_are_narrow_when_answers_are_quick() -> None:
    done = flooded(steady(3, 0.004), LIMIT)
    assert done.most(LIMIT) - done.least(LIMIT) < 5


def test_a_bucket_a_copy_is_too_many_links() -> None:
    with pytest.raises(CheckFailed, match="at most"):
        _expect_no_more(flooded(steady(3, 0.004), LIMIT, copies=3), LIMIT, "Flooded.")


def test_a_machine_that_comes_to_no_limit_decides_nothing() -> None:
    with pytest.raises(Inconclusive):
        _expect_no_more(flooded(steady(2, 0.03), LIMIT), LIMIT, "Flooded.")
