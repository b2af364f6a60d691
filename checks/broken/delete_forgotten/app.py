"""Answers 204 to a DELETE and leaves the link where it is."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.link_events import LinkEvents


async def remove(self: LinkEvents, link_id: str) -> bool:
    return await self.find(link_id) is not None


LinkEvents.remove = remove  # type: ignore[method-assign]
run()
