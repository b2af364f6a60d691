"""Links in Postgres. The reads that wait share one query: one is under way at a time, for any number of GETs. Lab 2."""

from datetime import datetime

from shortener.lab1_file.batches import Batches
from shortener.lab1_file.links import Link, new_id
from shortener.lab2_postgres.connections import Connections

Position = tuple[datetime, str]  # of a link among those to its url: created_at, and its id where two are as old


class PostgresStore:
    """Every method raises Unavailable when the database does not answer in time."""

    def __init__(self, connections: Connections) -> None:
        self._fetch = connections.fetch
        self._reads = Batches(self._find_urls)

    async def add(self, url: str) -> Link:
        insert = "INSERT INTO links (id, url) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id, url, created_at"
        rows = await self._fetch(insert, (new_id(), url))
        return Link(*rows[0]) if rows else await self.add(url)

    async def find_url(self, link_id: str) -> str | None:
        return await self._reads.put(link_id)

    async def find(self, link_id: str) -> Link | None:
        rows = await self._fetch("SELECT id, url, created_at FROM links WHERE id = %s", (link_id,))
        return Link(*rows[0]) if rows else None

    async def newest(self, url: str, limit: int, before: Position | None) -> list[Link]:
        """At most `limit` links to `url`, newest first, that come after the position `before`.

        A position never changes, so a link that was acknowledged before the first page is on exactly one page;
        one that is written meanwhile is on one page or, when its place was passed already, on none."""
        select = "SELECT id, url, created_at FROM links WHERE url = %s"
        order = "ORDER BY created_at DESC, id DESC LIMIT %s"
        if before is None:
            rows = await self._fetch(f"{select} {order}", (url, limit))
        else:
            rows = await self._fetch(f"{select} AND (created_at, id) < (%s, %s) {order}", (url, *before, limit))
        return [Link(*row) for row in rows]

    async def check(self) -> None:
        await self._fetch("SELECT 1 FROM links LIMIT 1")

    async def _find_urls(self, link_ids: list[str]) -> list[str | None]:
        urls: dict[str, str] = dict(await self._fetch("SELECT id, url FROM links WHERE id = ANY(%s)", (link_ids,)))
        return [urls.get(link_id) for link_id in link_ids]
