"""Asks Redis nothing any more, once it did not answer."""

from checks.broken.spoil import run
from shortener.lab4_many_copies.breaker import Breaker, State


def allows(self: Breaker) -> bool:
    return self.state is not State.OPEN


Breaker.allows = allows  # type: ignore[method-assign]
run()
