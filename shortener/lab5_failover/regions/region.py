"""One of two regions: it writes by its rule, and tells the other one, which may be far away, slow or cut off. Lab 5."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shortener.lab1_file.links import Unavailable
from shortener.lab5_failover.regions.other_region import OtherRegion
from shortener.lab5_failover.regions.store import RegionStore
from shortener.lab5_failover.regions.versions import Rule, Stale, State, received

Changes = list[tuple[str, State]]


class NotTheOwner(Exception):  # noqa: N818 - an answer
    """A write was sent here that another region decides."""


@dataclass(frozen=True)
class Region:
    """`clock` tells microseconds since 1970, as this region believes; `wake` makes what was written leave soon."""

    name: str
    rule: Rule
    store: RegionStore
    other: OtherRegion
    clock: Callable[[], int]
    wake: Callable[[], None]

    @property
    def both(self) -> tuple[str, str]:
        """The names of the two regions there are."""
        return self.name, self.other.name

    async def write(self, link_id: str, url: str, read: str) -> State:
        """A client's write: acknowledged when this region has it, or the link's owner.

        Raises Unavailable, Stale, and ValueError when `read` is no version."""
        if self.rule.owner(link_id) in (None, self.name):
            return await self.decide(link_id, url, read)
        return await self._forward(link_id, url, read)

    async def decide(self, link_id: str, url: str, read: str) -> State:
        """A write that is this region's to decide. Raises NotTheOwner when it is not, and what `write` raises."""
        if self.rule.owner(link_id) not in (None, self.name):
            raise NotTheOwner

        def written(present: State) -> State:
            return self.rule.write(present, url, read, self.name, self.clock())

        state = await self.store.change(link_id, written, tell=True)
        self.wake()
        return state

    async def take(self, changes: Changes) -> None:
        """What the other region has written. A change that comes again, or late, does no harm."""
        for link_id, state in changes:
            await self._merge(link_id, state)

    async def _forward(self, link_id: str, url: str, read: str) -> State:
        """Ask the owner and wait for it. What it answers is here at once: its client shall read it."""
        status, answer = await self.other.post("/writes", {"id": link_id, "url": url, "read": read})
        state = self._state_in(answer) if status in (200, 412) else None
        if state is None:
            raise Unavailable(f"region {self.other.name}, which owns this link, cannot take the write")
        with contextlib.suppress(Unavailable):  # the owner has it, and will tell it once more
            await self._merge(link_id, state)
        if status == 412:
            raise Stale(state)
        return state

    async def _merge(self, link_id: str, state: State) -> None:
        await self.store.change(link_id, lambda present: self.rule.merge(present, state), tell=False)

    def _state_in(self, answer: Any) -> State | None:
        """None when the other region speaks another language."""
        try:
            return received(answer["state"], self.both)
        except (ValueError, KeyError, TypeError):
            return None
