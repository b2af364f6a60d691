"""One region's links and its outbox, in the region's own Postgres. Lab 5."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import psycopg

from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.connections import Connections
from shortener.lab5_failover.regions.versions import State, from_document, to_document

# A lesson's two tables, made at the start: nothing of the other labs' is in this database.
TABLES = (
    "CREATE TABLE IF NOT EXISTS regional_links (id text PRIMARY KEY, state jsonb NOT NULL, revision bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS regional_outbox (id bigserial PRIMARY KEY, link_id text NOT NULL, state jsonb)",
)
FIND = "SELECT state, revision FROM regional_links WHERE id = %s"
# The link and the word of it for the other region: both or neither. No row when another write came between.
WRITE = """
    WITH written AS (
        INSERT INTO regional_links AS present (id, state, revision) VALUES (%(id)s, %(state)s::jsonb, 1)
        ON CONFLICT (id) DO UPDATE SET state = EXCLUDED.state, revision = present.revision + 1
            WHERE present.revision = %(revision)s
        RETURNING id
    ), told AS (
        INSERT INTO regional_outbox (link_id, state) SELECT id, %(state)s::jsonb FROM written WHERE %(tell)s
    )
    SELECT id FROM written"""
NEXT = "SELECT id, link_id, state FROM regional_outbox ORDER BY id LIMIT %s"
DELETE = "DELETE FROM regional_outbox WHERE id = ANY (%s) RETURNING id"

CHANGE_SECONDS = 2.0  # in which another attempt may begin; each of its two statements ends within 2 s too


class RegionStore:
    """Each method answers or raises Unavailable."""

    def __init__(self, url: str) -> None:
        self._url = url
        connections = Connections(url)
        self._fetch, self.close = connections.fetch, connections.close

    async def make_tables(self) -> None:
        try:
            async with await psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=2) as one:
                for table in TABLES:
                    await one.execute(table)
        except (psycopg.Error, OSError) as error:
            raise Unavailable("the region's database is out of reach") from error

    async def find(self, link_id: str) -> State:
        """The empty state when there is no such link."""
        return (await self._find(link_id))[0]

    async def change(self, link_id: str, change: Callable[[State], State], *, tell: bool) -> State:
        """`change` what stands, in one step: it is called again on what another write left meanwhile. `tell` puts the
        new state into the outbox. Raises what `change` raises."""
        end = asyncio.get_running_loop().time() + CHANGE_SECONDS
        while asyncio.get_running_loop().time() < end:
            present, revision = await self._find(link_id)
            wanted = change(present)
            if wanted == present:
                return present
            state = orjson.dumps(to_document(wanted)).decode()
            if await self._fetch(WRITE, {"id": link_id, "state": state, "revision": revision, "tell": tell}):
                return wanted
        raise Unavailable("too many others change this link at this moment")

    async def to_send(self, most: int) -> list[tuple[int, str, dict[str, Any]]]:
        """The oldest changes that the other region may not have: (number, link, state)."""
        return [(row[0], row[1], row[2]) for row in await self._fetch(NEXT, (most,))]

    async def sent(self, numbers: Sequence[int]) -> None:
        await self._fetch(DELETE, (list(numbers),))

    async def _find(self, link_id: str) -> tuple[State, int]:
        rows = await self._fetch(FIND, (link_id,))
        return (from_document(rows[0][0]), int(rows[0][1])) if rows else (State(), 0)
