"""Ends at SIGTERM without sending what its buffer holds."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events import click_events


async def close(self: click_events.ClickEvents) -> None:
    """What is left is left."""


click_events.HAND_OVER_SECONDS = 0.5
click_events.ClickEvents.close = close  # type: ignore[method-assign]
run()
