"""One of the two sessions on the stage: it sends a statement and can be seen waiting for the other."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import psycopg


@dataclass(frozen=True)
class Outcome:
    """What the server made of one statement. `error` None: it went well; `waits_for` names who holds the lock."""

    rows: tuple[tuple[Any, ...], ...] = ()
    tag: str = ""  # such as "UPDATE 1"
    error: psycopg.Error | None = None
    waits_for: str | None = None

    @property
    def sqlstate(self) -> str | None:
        return self.error.sqlstate if self.error else None


class Session:
    """A connection with a name. Statements run in a thread, because one that waits for a lock would stop us too."""

    def __init__(self, name: str, connection: psycopg.Connection) -> None:
        self.name = name
        self.connection = connection
        self.pid = connection.info.backend_pid
        self.pending: Future[Outcome] | None = None

    def send(self, sql: str) -> Future[Outcome]:
        """Send `sql`; its outcome arrives in the future."""
        future: Future[Outcome] = Future()
        self.pending = future
        threading.Thread(target=self._run, args=(sql, future), daemon=True).start()
        return future

    def _run(self, sql: str, future: Future[Outcome]) -> None:
        try:
            cursor = self.connection.execute(sql.encode())
            rows = tuple(cursor.fetchall()) if cursor.description else ()
            future.set_result(Outcome(rows, cursor.statusmessage or ""))
        except psycopg.Error as error:
            future.set_result(Outcome(error=error))
