"""Lists the links to a url oldest first."""

from checks.broken.spoil import run
from shortener.lab1_file.links import Link
from shortener.lab2_postgres.postgres_store import Position, PostgresStore


async def newest(self: PostgresStore, url: str, limit: int, before: Position | None) -> list[Link]:
    query = "SELECT id, url, created_at FROM links WHERE url = %s ORDER BY created_at LIMIT %s"
    return [Link(*row) for row in await self._fetch(query, (url, limit))]


PostgresStore.newest = newest  # type: ignore[method-assign]
run()
