"""The storage's side of an election: which rounds it has accepted, and what became of the links. Lab 5.

It is what counts. A node may believe what it likes; harm is done by what is written."""

from __future__ import annotations

import contextlib
import secrets
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import psycopg

from infra.runtime.protocol import Runtime
from labs.lab2_postgres.database import connect, database_url

_LETTERS = string.ascii_letters + string.digits
_ROUNDS = "SELECT node, token, extract(epoch FROM at)::float8 FROM sweeps ORDER BY id"

_PUT = (
    "INSERT INTO links (id, url, expires_at)"
    " SELECT id, 'https://example.com/offer', now() FROM unnest(%s::text[]) AS new (id)"
)

_RENEW = (
    "UPDATE links SET expires_at = NULL"
    " WHERE id IN (SELECT id FROM links WHERE id = ANY (%s) FOR UPDATE SKIP LOCKED) RETURNING id"
)


@dataclass(frozen=True)
class Round:
    """A round that the storage has accepted. `stale`: it had seen a newer token by then. `at` in seconds since 1970."""

    node: str
    token: int
    at: float
    stale: bool


def judged(rows: Sequence[tuple[str, int, float]]) -> list[Round]:
    """The rows (node, token, at) in the order in which they were written."""
    newest, found = 0, []
    for node, token, at in rows:
        found.append(Round(node, token, at, stale=token < newest))
        newest = max(newest, token)
    return found


def longest_gap(rounds: Sequence[Round]) -> float:
    """The longest time in seconds from one round to the next; a stale one is nobody's work."""
    times = [one.at for one in rounds if not one.stale]
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)


class Storage:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def begin(self) -> None:
        """Forget all rounds and tokens: those of Redis and of etcd cannot be compared."""
        self._connection.execute("TRUNCATE sweeps, fences")

    def rounds(self) -> list[Round]:
        return judged(self._connection.execute(_ROUNDS).fetchall())

    def put_expired(self, count: int) -> list[str]:
        """The ids of so many new links, whose time is over."""
        ids = ["".join(secrets.choice(_LETTERS) for _ in range(7)) for _ in range(count)]
        self._connection.execute(_PUT, (ids,))
        return ids

    def renew(self, ids: Sequence[str]) -> list[str]:
        """Somebody pays for them after all: they have no end any more. Those that are still there.

        Whoever is frozen in the middle of its write has them locked. These are left out: to wait for them would mean
        to renew them when the next leader has read them already."""
        return [row[0] for row in self._connection.execute(_RENEW, (list(ids),))]

    def gone(self, ids: Sequence[str]) -> int:
        """How many of them are not there any more."""
        row = self._connection.execute("SELECT count(*) FROM links WHERE id = ANY (%s)", (list(ids),)).fetchone()
        return len(set(ids)) - (row[0] if row else 0)


@contextlib.contextmanager
def storage_of(stage: Runtime) -> Iterator[Storage]:
    with contextlib.closing(connect(database_url(stage), "watches the election")) as connection:
        yield Storage(connection)
