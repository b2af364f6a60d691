"""One node of an election: whether it believes that it leads, and until when it may. Lab 5.

What it believes is as old as its last look at the lease. Between that look and whatever it does next it may be paused
for any time: by the scheduler, a garbage collector, a virtual machine that moves. Nothing here can prevent that, and a
second look only makes the time shorter. What makes it harmless is the token (sweeps.py)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from shortener.lab5_failover.election.lease import Lease, LeaseAway


@dataclass(frozen=True, slots=True)
class Term:
    token: int
    until: float  # on this node's monotonic clock: from then on the lease may be another's


class Candidate:
    def __init__(
        self,
        lease: Lease,
        on_change: Callable[[str, Term, str], None] = lambda event, term, why: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_change` hears of each term's begin ("leads") and end ("follows"), and why."""
        self._lease, self._on_change, self._clock = lease, on_change, clock
        self._term: Term | None = None

    def look(self) -> Term | None:
        """Renew the lease, or try to get it; the term in which this node leads, None while it does not."""
        asked = self._clock()  # the lease runs from when the server decides, which is no earlier than this
        try:
            if self._term is None:
                self._begin(asked)
            elif self._lease.renew():
                self._term = replace(self._term, until=asked + self._lease.seconds)
            else:
                self._end("its lease is no longer its own")
        except LeaseAway as error:
            if self._term is not None and self._clock() >= self._term.until:
                self._end(f"its lease has run out and cannot be renewed ({error})")
        return self._term

    def step_down(self, why: str) -> None:
        """Lead no more, and let another one have the lease."""
        if self._term is None:
            return
        self._end(why)
        try:
            self._lease.release()
        except LeaseAway:
            return  # it runs out by itself

    def _begin(self, asked: float) -> None:
        token = self._lease.acquire()
        if token is not None:
            self._term = Term(token, asked + self._lease.seconds)
            self._on_change("leads", self._term, "")

    def _end(self, why: str) -> None:
        assert self._term is not None
        term, self._term = self._term, None
        self._on_change("follows", term, why)
