"""Turns pages with OFFSET: the cursor says how many links were shown already."""

from checks.broken.spoil import run
from shortener.lab1_file.links import Link
from shortener.lab2_postgres.postgres_store import Position, PostgresStore

shown_until: dict[str, int] = {}  # the last id of a page: how many links were shown up to it


async def newest(self: PostgresStore, url: str, limit: int, before: Position | None) -> list[Link]:
    skip = shown_until.get(before[1], 0) if before else 0
    query = "SELECT id, url, created_at FROM links WHERE url = %s ORDER BY created_at DESC, id DESC LIMIT %s OFFSET %s"
    links = [Link(*row) for row in await self._fetch(query, (url, limit, skip))]
    if len(links) == limit:
        shown_until[links[limit - 2].id] = skip + limit - 1
    return links


PostgresStore.newest = newest  # type: ignore[method-assign]
run()
