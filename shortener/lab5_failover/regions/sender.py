"""Sends the outbox to the other region: in order, some at a time, and again until it says that it has them. Lab 5."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from shortener.lab1_file.links import Unavailable
from shortener.lab5_failover.regions.other_region import OtherRegion
from shortener.lab5_failover.regions.store import RegionStore

log = logging.getLogger(__name__)

MOST = 50  # changes at once
PAUSE_SECONDS = 0.2  # after a failure
IDLE_SECONDS = 1.0  # between two looks when nobody wakes it: it wakes by itself after a start


class Sender:
    def __init__(self, store: RegionStore, other: OtherRegion) -> None:
        self._store, self._other = store, other
        self._woken = asyncio.Event()
        self._said = ""

    def wake(self) -> None:
        """Something was written."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled. The tables are made first: the database may not be there yet."""
        while not await self._tried(self._store.make_tables):
            await asyncio.sleep(PAUSE_SECONDS)
        while True:
            self._woken.clear()
            if not await self._tried(self._send):
                await asyncio.sleep(PAUSE_SECONDS)

    async def _send(self) -> None:
        """All that is there, then wait. Who dies between the two steps sends the same again."""
        most = MOST
        while rows := await self._store.to_send(most):
            changes = [{"id": link_id, "state": state} for _, link_id, state in rows]
            status, _ = await self._other.post("/changes", changes)
            if status == 413 and len(rows) > 1:  # that many have too many bytes
                most = len(rows) // 2
                continue
            if status != 200:
                raise Unavailable(f"region {self._other.name} answers {status}")
            await self._store.sent([number for number, _, _ in rows])
        self._said = ""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), IDLE_SECONDS)

    async def _tried(self, step: Callable[[], Awaitable[None]]) -> bool:
        try:
            await step()
        except Unavailable as error:
            if str(error) != self._said:
                log.warning("it is tried again until it works: %s", error)
            self._said = str(error)
            return False
        return True
