"""Counts all links at each redirect, for its statistics."""

from checks.broken.spoil import run
from shortener.lab2_postgres.postgres_store import PostgresStore

find_url = PostgresStore.find_url


async def find_and_count(self: PostgresStore, link_id: str) -> str | None:
    await self._fetch("SELECT count(*) FROM links")
    return await find_url(self, link_id)


PostgresStore.find_url = find_and_count  # type: ignore[method-assign]
run()
