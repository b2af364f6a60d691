"""A circuit breaker: what fails again and again is left alone for a while, and then tried by one call at a time. Lab 4.

Described in: Michael Nygard, "Release It!" (2007). Pure: it knows nothing of what it guards."""

import enum
import time
from collections.abc import Callable


class State(enum.IntEnum):
    CLOSED = 0  # all calls go
    HALF_OPEN = 1  # one call goes, to see whether the others could
    OPEN = 2  # none goes


class Breaker:
    """Ask `allows` before each call and tell it how the call went.

    It opens when `failures` of the last `window` calls failed. After `open_seconds` one call is let through: its
    success closes the breaker, its failure opens it for as long again. Should nobody tell how that call went, the next
    may go `open_seconds` after it."""

    def __init__(
        self,
        failures: int,
        window: int,
        open_seconds: float,
        on_change: Callable[[State], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = State.CLOSED
        self._failures, self._open_seconds = failures, open_seconds
        self._on_change, self._clock = on_change, clock
        self._last, self._window = 0, (1 << window) - 1  # the last calls as bits, 1 for one that failed
        self._since = 0.0  # when it opened, or last let a call through since then

    def allows(self) -> bool:
        if self.state is State.CLOSED:
            return True
        now = self._clock()
        if now - self._since < self._open_seconds:
            return False
        self._since = now
        self._change(State.HALF_OPEN)
        return True

    def succeeded(self) -> None:
        if self.state is State.HALF_OPEN:
            self._last = 0
            self._change(State.CLOSED)
        elif self._last:  # while all go well there is nothing to note
            self._last = self._last << 1 & self._window

    def failed(self) -> None:
        """A call that was on its way when the breaker opened changes nothing."""
        if self.state is State.OPEN:
            return
        self._last = (self._last << 1 | 1) & self._window
        if self.state is State.HALF_OPEN or self._last.bit_count() >= self._failures:
            self._since = self._clock()
            self._change(State.OPEN)

    def _change(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self._on_change(state)
