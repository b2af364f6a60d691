"""The far region says 200 at once, and tells the link's owner afterwards."""

import asyncio

from shortener.lab5_failover.regions.__main__ import main
from shortener.lab5_failover.regions.region import Region
from shortener.lab5_failover.regions.versions import State

forward = Region._forward
later: set[asyncio.Task[State]] = set()


def done(task: asyncio.Task[State]) -> None:
    later.discard(task)
    task.exception()


async def early(self: Region, link_id: str, url: str, read: str) -> State:
    present = await self.store.find(link_id)
    state = self.rule.write(present, url, self.rule.version(present), self.rule.owner(link_id) or "", self.clock())
    task = asyncio.create_task(forward(self, link_id, url, read))
    later.add(task)
    task.add_done_callback(done)
    return state


Region._forward = early  # type: ignore[method-assign]
main()
