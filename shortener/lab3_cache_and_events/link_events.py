"""The links' changes in Postgres, each in one statement with the event in the outbox that tells of it. Lab 3.

An event's id is drawn once its link's row is locked: so the events of a link have ids in the order of its changes."""

from dataclasses import dataclass
from typing import Any

from shortener.lab1_file.links import Link, new_id
from shortener.lab2_postgres.connections import Connections

ADD = """
WITH link AS (INSERT INTO links (id, url) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id, url, created_at),
event AS (INSERT INTO outbox (link_id, event, url) SELECT id, 'created', url FROM link)
SELECT id, url, created_at FROM link"""

CHANGE = """
WITH link AS (UPDATE links SET url = %s WHERE id = %s RETURNING id, url, created_at),
event AS (INSERT INTO outbox (link_id, event, url) SELECT id, 'changed', url FROM link)
SELECT id, url, created_at, coalesce(clicks, 0) FROM link LEFT JOIN click_counts ON link_id = id"""

REMOVE = """
WITH link AS (DELETE FROM links WHERE id = %s RETURNING id),
event AS (INSERT INTO outbox (link_id, event) SELECT id, 'deleted' FROM link)
SELECT id FROM link"""

FIND = """
SELECT id, url, created_at, coalesce(clicks, 0) FROM links LEFT JOIN click_counts ON link_id = id WHERE id = %s"""


@dataclass(frozen=True, slots=True)
class CountedLink:
    link: Link
    clicks: int


class LinkEvents:
    """Each method raises Unavailable; of a write nobody knows then whether it was applied."""

    def __init__(self, connections: Connections) -> None:
        self._fetch = connections.fetch

    async def add(self, url: str) -> Link:
        rows = await self._fetch(ADD, (new_id(), url))
        return Link(*rows[0]) if rows else await self.add(url)

    async def find(self, link_id: str) -> CountedLink | None:
        return _counted(await self._fetch(FIND, (link_id,)))

    async def change(self, link_id: str, url: str) -> CountedLink | None:
        return _counted(await self._fetch(CHANGE, (url, link_id)))

    async def remove(self, link_id: str) -> bool:
        """Whether it was there."""
        return bool(await self._fetch(REMOVE, (link_id,)))


def _counted(rows: list[tuple[Any, ...]]) -> CountedLink | None:
    return CountedLink(Link(*rows[0][:3]), rows[0][3]) if rows else None
