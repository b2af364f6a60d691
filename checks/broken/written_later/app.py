"""Keeps new links in memory and writes them to the database a little later, once."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from checks.broken.spoil import run
from shortener.lab1_file.links import Link, Unavailable, new_id
from shortener.lab2_postgres.postgres_store import PostgresStore

later: set[asyncio.Task[None]] = set()


async def add(self: PostgresStore, url: str) -> Link:
    link = Link(new_id(), url, datetime.now(UTC))

    async def write() -> None:
        await asyncio.sleep(0.2)
        with suppress(Unavailable):
            await self._fetch("INSERT INTO links (id, url) VALUES (%s, %s) RETURNING id", (link.id, url))

    task = asyncio.create_task(write())
    later.add(task)
    task.add_done_callback(later.discard)
    return link


PostgresStore.add = add  # type: ignore[method-assign]
run()
