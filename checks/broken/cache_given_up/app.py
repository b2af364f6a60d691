"""Leaves a Redis that failed alone, for good."""

import asyncio

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.cache import Cache


async def never(self: Cache) -> None:
    await asyncio.Event().wait()


Cache._heal = never  # type: ignore[method-assign]
run()
