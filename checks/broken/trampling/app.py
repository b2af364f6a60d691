"""Without Redis each redirect opens its own connection to the database."""

import os

import psycopg

from checks.broken.spoil import run
from shortener.lab1_file.links import Unavailable
from shortener.lab3_cache_and_events.cache import CacheAway
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.keys import LINK

find_url = CachedStore.find_url


async def find_alone(self: CachedStore, link_id: str) -> str | None:
    try:
        await self._cache.get(LINK + link_id)
    except CacheAway:
        try:
            async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]) as connection:
                cursor = await connection.execute("SELECT url FROM links WHERE id = %s", (link_id,))
                row = await cursor.fetchone()
                return str(row[0]) if row else None
        except psycopg.Error as error:
            raise Unavailable(str(error)) from error
    return await find_url(self, link_id)


CachedStore.find_url = find_alone  # type: ignore[method-assign]
run()
