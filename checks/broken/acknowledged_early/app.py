"""Acknowledges at once, and writes half a second later."""

import asyncio
from datetime import UTC, datetime

from checks.broken.spoil import run
from shortener.lab1_file.file_store import FileStore
from shortener.lab1_file.links import Link, new_id

later: set[asyncio.Task[None]] = set()


async def add(self: FileStore, url: str) -> Link:
    link = Link(new_id(), url, datetime.now(UTC))
    self._urls[link.id] = url

    async def write() -> None:
        await asyncio.sleep(0.5)
        await self._batches.put(link)

    task = asyncio.create_task(write())
    later.add(task)
    task.add_done_callback(later.discard)
    return link


FileStore.add = add  # type: ignore[method-assign]
run()
