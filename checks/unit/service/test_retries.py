"""What is tried again, when, and how often: the parts alone, without a server."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.lab3_cache_and_events.redis_wire import Command
from shortener.lab4_many_copies.retry import full_jitter, meaning, repeated
from shortener.lab4_many_copies.retry_budget import RetryBudget


def test_a_pause_is_anywhere_below_a_bound_that_doubles() -> None:
    random.seed(4)
    for retry, bound in enumerate((0.02, 0.04, 0.08, 0.1, 0.1)):
        pauses = [full_jitter(retry, 0.02, 0.1) for _ in range(4_000)]
        assert min(pauses) >= 0
        assert max(pauses) <= bound
        for tenth in range(10):  # evenly: no tenth of the range has more than its share, 400, by much
            here = sum(tenth * bound / 10 <= pause < (tenth + 1) * bound / 10 for pause in pauses)
            assert 300 < here < 500


@given(st.lists(st.booleans(), max_size=2_000))
def test_retries_are_bounded_by_what_succeeds(outcomes: list[bool]) -> None:
    """Whatever the order: as many as the burst, and then one for each ten answered calls."""
    budget = RetryBudget(20, 0.1)
    retries = 0
    for succeeded in outcomes:
        if succeeded:
            budget.succeeded(1)
        else:
            budget.failed()
            retries += budget.allows()
    assert retries <= 10 + 0.1 * outcomes.count(True)


def test_the_budget_fills_again() -> None:
    budget = RetryBudget(20, 0.1)
    for _ in range(1_000):
        budget.failed()
    assert not budget.allows()
    budget.succeeded(99)
    assert not budget.allows()
    budget.succeeded(50)
    assert budget.allows()
    budget.succeeded(100_000)
    allowed = 0
    while budget.allows():
        budget.failed()
        allowed += 1
    assert allowed == 10


LEASE: Command = ("SET", "l:abc", "?token", "NX", "PX", 3000)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("GET", "l:abc"), ("GET", "l:abc")),
        (("DEL", "l:abc"), ("DEL", "l:abc")),
        (("SET", "l:abc", "!", "PX", 5000), ("SET", "l:abc", "!", "PX", 5000)),
        (("SET", "l:abc", "NX"), ("SET", "l:abc", "NX")),  # a value that looks like an option
        (LEASE, (*LEASE, "GET")),
        (("EVALSHA", "abc", 1, "b:1"), None),
        (("INCR", "l:abc"), None),
    ],
)
def test_only_what_may_happen_twice_is_sent_twice(command: Command, expected: Command | None) -> None:
    assert repeated(command) == expected


@pytest.mark.parametrize(("reply", "means"), [(None, "OK"), ("?token", "OK"), ("?other", None), ("https://a", None)])
def test_a_lease_of_ones_own_is_told_from_anothers(reply: Any, means: str | None) -> None:
    assert meaning(LEASE, (*LEASE, "GET"), reply) == means
    assert meaning(LEASE, LEASE, reply) == reply
