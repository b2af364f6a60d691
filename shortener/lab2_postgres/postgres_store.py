"""Links in Postgres. The reads that wait share a query: one is under way at a time, for any number of GETs. Lab 2."""

from datetime import datetime

from shortener.lab1_file.batches import Batches
from shortener.lab1_file.links import Link, new_id
from shortener.lab2_postgres.connections import Connections

Position = tuple[datetime, str]  # of a link among those to its url: created_at, then id


class PostgresStore:
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
        """At most `limit` links to `url`, newest first, of those older than the position `before`.

        A link's position never changes. So, page by page, each link that was acknowledged before the first page was
        asked for comes exactly once, and one that is written meanwhile once or not at all."""
        older = "AND (created_at, id) < (%s, %s)" if before else ""
        query = (
            f"SELECT id, url, created_at FROM links WHERE url = %s {older} ORDER BY created_at DESC, id DESC LIMIT %s"
        )
        return [Link(*row) for row in await self._fetch(query, (url, *(before or ()), limit))]

    async def check(self) -> None:
        await self._fetch("SELECT 1 FROM links LIMIT 1")

    async def _find_urls(self, link_ids: list[str]) -> list[str | None]:
        array = "{" + ",".join(link_ids) + "}"  # base62 needs no quotes, and psycopg makes an array of a list slowly
        urls: dict[str, str] = dict(await self._fetch("SELECT id, url FROM links WHERE id = ANY(%s::text[])", (array,)))
        return [urls.get(link_id) for link_id in link_ids]
