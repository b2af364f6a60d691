"""Caches links for ever."""

from typing import Any

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.cache import Cache

call = Cache.call


async def call_without_ttl(self: Cache, *command: str | int) -> Any:
    at = command.index("PX") if "PX" in command else len(command)
    return await call(self, *command[:at], *command[at + 2 :])


Cache.call = call_without_ttl  # type: ignore[method-assign]
run()
