"""The query behind GET /links?url=, as the service itself sends it: pg_stat_statements has seen it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg
from psycopg import sql

from infra.errors import LabError

_URL = re.compile(r'\burl"?\s*=\s*\$(\d+)', re.IGNORECASE)
_LIMIT = re.compile(r"\blimit\s+\$(\d+)", re.IGNORECASE)
_OPTIONAL = re.compile(r"\$(\d+)(?:::[\w ]+?)?\s+is\s+null", re.IGNORECASE)
_TABLE = re.compile(r'\bfrom\s+("?[\w.]+"?)', re.IGNORECASE)
PAGE_SIZE = 21  # a page of 20 links and one more, which tells whether there is a next page


@dataclass(frozen=True)
class Query:
    """A statement with $1, $2 … and which of them is the url, which the limit; the others may be NULL."""

    text: str
    url: int
    limit: int | None
    others: tuple[int, ...] = ()

    @property
    def table(self) -> str:
        found = _TABLE.search(self.text)
        return found[1] if found else "links"

    def arguments(self, url: str) -> list[object]:
        values: dict[int, object] = {self.url: url, **dict.fromkeys(self.others)}
        if self.limit is not None:
            values[self.limit] = PAGE_SIZE
        return [values[number] for number in sorted(values)]


def parse(text: str) -> Query | None:
    """`text` as a Query; None when it asks for no url or has parameters that cannot be guessed, such as a cursor's."""
    url, limit = _URL.search(text), _LIMIT.search(text)
    if url is None or not text.lstrip().lower().startswith("select"):
        return None
    known = {int(url[1])} | ({int(limit[1])} if limit else set())
    others = {int(number) for number in re.findall(r"\$(\d+)", text)} - known
    if not others <= {int(number) for number in _OPTIONAL.findall(text)}:
        return None
    return Query(text, int(url[1]), int(limit[1]) if limit else None, tuple(sorted(others)))


def sent_by_service(connection: psycopg.Connection) -> Query:
    """The most frequent query by url that this database has answered.

    Raises LabError when it has seen none, or keeps no statistics."""
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        rows = connection.execute(
            "SELECT query FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
            " WHERE d.datname = current_database() AND query ILIKE 'select%' AND query ILIKE '%url%'"
            " ORDER BY calls DESC LIMIT 200"
        ).fetchall()
    except psycopg.Error as error:
        raise LabError(
            f"Postgres keeps no statistics of its queries ({error.diag.message_primary or error})."
        ) from error
    for (text,) in rows:
        if query := parse(text):
            return query
    raise LabError(
        "Postgres has not seen the query behind GET /links?url= yet. Ask your service once, such as with"
        " `curl 'http://127.0.0.1:8000/links?url=https://example.com/'`, then try again."
    )


def some_url(connection: psycopg.Connection, query: Query) -> str:
    """A url that the table has; one that it has not when it is empty."""
    statement = sql.SQL("SELECT url FROM {} LIMIT 1").format(sql.SQL(query.table))
    row = connection.execute(statement).fetchone()
    return str(row[0]) if row else "https://example.com/"
