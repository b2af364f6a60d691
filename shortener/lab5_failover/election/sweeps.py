"""The leader's job: links whose time is over are deleted, and each round leaves a row that says whose it was. Lab 5.

With the fence the storage itself checks the token of whoever writes: it keeps the newest that it has seen, and refuses
an older one in the same transaction as the write. The node need not know that its time is over; the storage does."""

import psycopg
from psycopg.rows import TupleRow

from shortener.lab3_cache_and_events.database import Database

JOB = "sweep"
MOST = 500  # links a round

EXPIRED = "SELECT id FROM links WHERE expires_at <= now() ORDER BY expires_at LIMIT %s"
DELETE = "DELETE FROM links WHERE id = ANY (%s)"
RECORD = "INSERT INTO sweeps (node, token, links) VALUES (%s, %s, %s)"
# The row stays locked until the transaction ends: of two who write at once, one waits and then sees the other's token.
WRITE = (
    "INSERT INTO fences (job, token) VALUES (%s, %s)"
    " ON CONFLICT (job) DO UPDATE SET token = excluded.token WHERE fences.token <= excluded.token RETURNING token"
)
# Who takes office must be newer than all: a Redis that has lost its memory gives a token twice (redis_lease.py).
TAKE_OFFICE = WRITE.replace("<=", "<")


class Refused(Exception):  # noqa: N818 - an answer of the storage, not a mistake
    """The storage has seen a newer token, or this one in another term: another node leads, or has led since."""


class Sweeps:
    def __init__(self, database: Database, node: str, *, fenced: bool) -> None:
        self._database, self._node, self._fenced = database, node, fenced

    def take_office(self, token: int) -> None:
        """From now on nothing of an earlier term is written any more, so that what this one reads stays true.

        Once a term: who does not know whether it was done is refused the second time, and needs a new token. Without
        the fence nobody is told. Raises Refused and psycopg.Error."""
        with self._database.connection().transaction():
            self._pass_the_fence(self._database.connection(), TAKE_OFFICE, token)

    def expired(self) -> list[str]:
        """The ids of links whose time is over. Raises psycopg.Error."""
        return [row[0] for row in self._database.connection().execute(EXPIRED, (MOST,))]

    def write(self, token: int, links: list[str]) -> None:
        """Delete these links and leave the row of this round. Raises Refused and psycopg.Error: nothing is written."""
        connection = self._database.connection()
        with connection.transaction():
            self._pass_the_fence(connection, WRITE, token)
            connection.execute(DELETE, (links,))
            connection.execute(RECORD, (self._node, token, len(links)))

    def _pass_the_fence(self, connection: psycopg.Connection[TupleRow], query: str, token: int) -> None:
        if self._fenced and connection.execute(query, (JOB, token)).fetchone() is None:
            raise Refused(f"the storage has seen a newer token than {token}, or {token} in another term")
