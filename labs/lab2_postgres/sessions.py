"""What people do straight on a database, beside the service: a transaction left open, an index dropped, a deadlock."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg

from infra.errors import LabError
from infra.runtime.protocol import Runtime
from labs.lab2_postgres.database import connect, database_url
from labs.lab2_postgres.replay.session import Outcome, Session

_ROUNDS = 10  # deadlocks, one after the other
_PATIENCE = 5.0  # seconds for a statement of ours


def open_session(stage: Runtime, name: str) -> psycopg.Connection[Any]:
    """A connection of our own, which never waits for a lock longer than 5 s."""
    connection = connect(database_url(stage), name)
    connection.execute("SET lock_timeout = '5s'")
    return connection


@dataclass
class OpenTransaction:
    """A transaction that somebody began and forgot: it holds a lock against writes until it is ended."""

    _connection: psycopg.Connection[Any] | None = None

    def begin(self, stage: Runtime) -> None:
        self._connection = open_session(stage, "forgotten")
        self._connection.execute("BEGIN")
        self._connection.execute("LOCK TABLE links IN SHARE ROW EXCLUSIVE MODE")

    def end(self, stage: Runtime) -> None:
        """Roll it back. Harmless when it is not open, or its server has gone."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.execute("ROLLBACK")
            self._connection.close()
            self._connection = None


@dataclass
class DroppedIndex:
    """The index on the column that the search looks in, taken away and made again from its own definition."""

    _definitions: list[str] = field(default_factory=list)

    def drop(self, stage: Runtime) -> None:
        """Raises LabError when there is no such index to drop."""
        with contextlib.closing(open_session(stage, "drops an index")) as connection:
            found = connection.execute(
                "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
                " JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
                " WHERE indrelid = 'links'::regclass AND attname = 'url' AND NOT indisprimary"
            ).fetchall()
            if not found:
                raise LabError(
                    "links.url has no index, so none can be dropped. Build lab 2's index first: `lab hint 2`."
                )
            for name, definition in found:
                self._definitions.append(definition)
                connection.execute(f"DROP INDEX {name}".encode())

    def restore(self, stage: Runtime) -> None:
        """Make again what was dropped and is not there, while writes go on. Harmless when nothing was dropped."""
        if not self._definitions:
            return
        with contextlib.closing(open_session(stage, "makes an index")) as connection:
            while self._definitions:
                statement = self._definitions[-1].replace(" INDEX ", " INDEX CONCURRENTLY IF NOT EXISTS ", 1)
                connection.execute(statement.encode())
                self._definitions.pop()


def deadlocks(stage: Runtime) -> dict[str, float]:
    """Ten times: two transactions each update a link and then the other's. Returns how many were ended by Postgres, how
    many could finish, and the seconds from the closing of the circle until Postgres had broken it (median)."""
    ended, finished, waits = 0, 0, []
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(contextlib.closing(open_session(stage, name))) for name in ("left", "right")]
        rows = connections[0].execute("SELECT id FROM links ORDER BY created_at LIMIT 2").fetchall()
        if len(rows) < 2:
            raise LabError("A deadlock needs two links, and the table has fewer. Make some with POST /links.")
        ids = [str(row[0]).replace("'", "''") for row in rows]
        sessions = [Session(name, connection) for name, connection in zip("LR", connections, strict=True)]
        for _ in range(_ROUNDS):
            began, outcomes = _one_deadlock(sessions, ids)
            waits.append(time.monotonic() - began)
            victims = sum(outcome.sqlstate == "40P01" for outcome in outcomes)
            ended, finished = ended + victims, finished + sum(outcome.error is None for outcome in outcomes)
    return {
        "deadlocks": _ROUNDS,
        "transactions_ended": ended,
        "transactions_finished": finished,
        "broken_after_seconds": sorted(waits)[len(waits) // 2],
    }


def _one_deadlock(sessions: list[Session], ids: list[str]) -> tuple[float, list[Outcome]]:
    """When the circle was closed (monotonic seconds), and what became of the two statements that closed it."""
    touch = [f"UPDATE links SET url = url WHERE id = '{link_id}'" for link_id in ids]
    for session, statement in zip(sessions, touch, strict=True):
        session.send("BEGIN").result(_PATIENCE)
        session.send(statement).result(_PATIENCE)
    began = time.monotonic()
    crossed = [session.send(statement) for session, statement in zip(sessions, reversed(touch), strict=True)]
    outcomes = [future.result(_PATIENCE) for future in crossed]
    for session in sessions:
        session.send("ROLLBACK").result(_PATIENCE)
    return began, outcomes
