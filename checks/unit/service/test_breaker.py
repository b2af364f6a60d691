"""The breaker against a model of it, over any order of calls, answers and pauses."""

from __future__ import annotations

import collections

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shortener.lab4_many_copies.breaker import CLOSED, HALF_OPEN, OPEN, Breaker, State

FAILURES, WINDOW, OPEN_SECONDS = 3, 5, 10.0


class Machine(RuleBasedStateMachine):
    """Answers come in any order, and also late: the model knows only what has been told by then."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.changes: list[State] = []
        self.breaker = Breaker(FAILURES, WINDOW, OPEN_SECONDS, self.changes.append, lambda: self.now)
        self.state = CLOSED
        self.outcomes: collections.deque[bool] = collections.deque(maxlen=WINDOW)  # since it was last closed
        self.not_before = 0.0  # until then an open one lets nobody through

    @rule(seconds=st.sampled_from((0.0, 1.0, OPEN_SECONDS - 0.5, OPEN_SECONDS, 3 * OPEN_SECONDS)))
    def pause(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def call(self) -> None:
        allowed = self.breaker.allows()
        if self.state is CLOSED:
            assert allowed
        else:
            assert allowed == (self.now >= self.not_before)
            if allowed:
                self.state, self.not_before = HALF_OPEN, self.now + OPEN_SECONDS

    @rule()
    def success(self) -> None:
        self.breaker.succeeded()
        if self.state is CLOSED:
            self.outcomes.append(True)
        elif self.state is HALF_OPEN:
            self.state = CLOSED
            self.outcomes.clear()

    @rule()
    def failure(self) -> None:
        self.breaker.failed()
        if self.state is OPEN:
            return
        self.outcomes.append(False)
        if self.state is HALF_OPEN or self.outcomes.count(False) >= FAILURES:
            self.state, self.not_before = OPEN, self.now + OPEN_SECONDS

    @precondition(lambda self: self.state is OPEN)
    @rule()
    def heal(self) -> None:
        """Whatever came before: once what it guards is well, the next look closes it."""
        self.now = max(self.now, self.not_before)
        self.call()
        self.success()
        assert self.breaker.state is CLOSED

    @invariant()
    def is_in_the_models_state(self) -> None:
        assert self.breaker.state is self.state

    @invariant()
    def tells_each_change_once(self) -> None:
        assert all(one is not other for one, other in zip([CLOSED, *self.changes], self.changes, strict=False))
        assert (self.changes or [CLOSED])[-1] is self.state

    @invariant()
    def never_closes_but_after_a_look(self) -> None:
        for before, after in zip(self.changes, self.changes[1:], strict=False):
            assert after is not CLOSED or before is HALF_OPEN
            assert after is not HALF_OPEN or before is OPEN


TestBreaker = Machine.TestCase
TestBreaker.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)


def test_while_open_each_pause_lets_one_call_through() -> None:
    now = 0.0
    breaker = Breaker(1, 1, OPEN_SECONDS, lambda _: None, lambda: now)
    breaker.failed()
    let_through = 0
    for _ in range(1_000):
        now += OPEN_SECONDS / 100
        if breaker.allows():
            let_through += 1
            breaker.failed()
    assert let_through in (9, 10)


def test_a_look_that_nobody_tells_of_does_not_hold_it_for_ever() -> None:
    now = 0.0
    breaker = Breaker(1, 1, OPEN_SECONDS, lambda _: None, lambda: now)
    breaker.failed()
    now = OPEN_SECONDS
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    now = 2 * OPEN_SECONDS
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert breaker.state is CLOSED
