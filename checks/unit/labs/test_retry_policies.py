"""How clients try again: how long they wait, and when they no longer may."""

from __future__ import annotations

from labs.lab4_many_copies.retry_policies import FIRST, MOST, RETRIES, Budget, Policy, backoff, full_jitter


def test_pauses_double_up_to_the_longest() -> None:
    assert [backoff(retry) for retry in range(3)] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert backoff(20) == MOST


def test_jitter_is_anywhere_below_the_pause() -> None:
    drawn = [full_jitter(2) for _ in range(300)]
    assert 0 <= min(drawn) < 0.1 * backoff(2)
    assert 0.9 * backoff(2) < max(drawn) <= backoff(2)


def test_without_a_budget_the_number_of_retries_is_the_only_bound() -> None:
    policy = Policy("at once", lambda retry: 0.0)
    assert [policy.again(retry) for retry in range(RETRIES + 1)] == [True] * RETRIES + [False]


def test_a_budget_is_spent_by_retries_of_all_and_earned_by_successes() -> None:
    policy = Policy("budget", full_jitter, Budget())
    assert [policy.again(0) for _ in range(6)] == [True] * 5 + [False]
    for _ in range(9):
        policy.succeeded()
    assert policy.again(0)
    assert not policy.again(0)


def test_a_budget_never_holds_more_than_it_began_with() -> None:
    budget = Budget()
    for _ in range(1000):
        budget.succeeded()
    assert budget.tokens == budget.most
