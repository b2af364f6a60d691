"""Waits for the broker at each redirect, a second at most."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.click_events import ClickEvents

record = ClickEvents.record


def record_and_wait(self: ClickEvents, link_id: str) -> None:
    record(self, link_id)
    self._hand_over()
    self._producer.flush(1.0)


ClickEvents.record = record_and_wait  # type: ignore[method-assign]
run()
