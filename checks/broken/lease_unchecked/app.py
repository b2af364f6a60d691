"""A leader that looks at its lease until it has it, and never again."""

from shortener.lab3_cache_and_events.process import run
from shortener.lab5_failover.election.candidate import Candidate, Term
from shortener.lab5_failover.sweeper import main

look = Candidate.look


def look_until_it_leads(self: Candidate) -> Term | None:
    if self._term is None:
        return look(self)
    try:
        self._lease.renew()  # so that it stays its own, as long as nothing happens
    finally:
        return self._term  # noqa: B012


Candidate.look = look_until_it_leads  # type: ignore[method-assign]
run(main)
