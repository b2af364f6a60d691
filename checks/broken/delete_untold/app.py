"""Deletes a link and tells nobody."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.link_events import LinkEvents


async def remove(self: LinkEvents, link_id: str) -> bool:
    return bool(await self._fetch("DELETE FROM links WHERE id = %s RETURNING id", (link_id,)))


LinkEvents.remove = remove  # type: ignore[method-assign]
run()
