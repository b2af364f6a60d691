"""Answers a PATCH with the link that it read before the change."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events.link_events import CountedLink, LinkEvents

change = LinkEvents.change


async def change_and_show_before(self: LinkEvents, link_id: str, url: str) -> CountedLink | None:
    before = await self.find(link_id)
    await change(self, link_id, url)
    return before


LinkEvents.change = change_and_show_before  # type: ignore[method-assign]
run()
