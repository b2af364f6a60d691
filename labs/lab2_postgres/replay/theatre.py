"""The stage on which two sessions meet: a scratch schema, gone afterwards, and an observer who sees who waits."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from infra.errors import LabError
from infra.interrupt import undisturbed
from labs.lab2_postgres.database import connect
from labs.lab2_postgres.replay.session import Outcome, Session

SCHEMA = "lab_replay"
LOCK = 0x6C6162  # the advisory lock that keeps two replays apart
PATIENCE = 10.0  # seconds for a statement to end or to be seen waiting


@dataclass(frozen=True)
class Turn:
    """One line of the play. `session` is "A" or "B", empty for a scene's title."""

    session: str
    kind: Literal["scene", "sql", "result", "waits", "woke", "error"]
    text: str


class Theatre:
    """Two sessions, A and B; every step is told as it happens."""

    def __init__(
        self, observer: psycopg.Connection, sessions: dict[str, Session], tell: Callable[[Turn], None]
    ) -> None:
        self._observer = observer
        self._sessions = sessions
        self._tell = tell

    def scene(self, title: str, setting: str) -> None:
        """Begin anew: both sessions idle, `setting` (SQL) lays out the table."""
        self._tell(Turn("", "scene", title))
        self._observe(setting)

    def run(self, who: str, sql: str) -> Outcome:
        """`who` sends `sql`: until the server answers, or the observer sees `who` wait for the other's lock."""
        session = self._sessions[who]
        self._tell(Turn(who, "sql", sql))
        future = session.send(sql)
        deadline = time.monotonic() + PATIENCE
        while not wait([future], timeout=0.02).done:
            blockers = self._observe("SELECT unnest(pg_blocking_pids(%s))", session.pid)
            names = [other.name for other in self._sessions.values() if (other.pid,) in blockers]
            if names:
                self._tell(Turn(who, "waits", f"waits for {names[0]}"))
                return Outcome(waits_for=names[0])
            _in_time(deadline, sql)
        return self._told(session, future.result(), "result", echo=sql.split()[0])

    def finish(self) -> dict[str, Outcome]:
        """The outcomes of all statements that wait, once their waits are over; refusals are told first."""
        waiting = {name: session for name, session in self._sessions.items() if session.pending is not None}
        futures = {name: session.pending for name, session in waiting.items() if session.pending is not None}
        if wait(futures.values(), timeout=PATIENCE).not_done:
            raise LabError(f"A session still waits after {PATIENCE:g} s. Is Postgres well? See `lab status`.")
        outcomes = {name: future.result() for name, future in futures.items()}
        for name in sorted(outcomes, key=lambda name: outcomes[name].error is None):
            self._told(waiting[name], outcomes[name], "woke")
        return outcomes

    def value(self, sql: str) -> Any:
        """One value as the observer sees it now, that is, what is committed."""
        return self._observe(sql)[0][0]

    def _told(self, session: Session, outcome: Outcome, kind: Literal["result", "woke"], echo: str = "") -> Outcome:
        """Tell the outcome, unless it only echoes the statement (COMMIT answers COMMIT)."""
        session.pending = None
        if outcome.error is None:
            shown = ", ".join(str(row[0]) for row in outcome.rows) if outcome.rows else outcome.tag
            if shown != echo:
                self._tell(Turn(session.name, kind, shown))
        elif outcome.sqlstate is None:
            raise LabError(f"Postgres went away in the middle ({outcome.error}). See `lab status`.") from outcome.error
        else:
            message = outcome.error.diag.message_primary or str(outcome.error)
            self._tell(Turn(session.name, "error", f"{message} (SQLSTATE {outcome.sqlstate})"))
        return outcome

    def _observe(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask on the observer's own connection, in a thread: a frozen server must not freeze us."""
        future: Future[list[tuple[Any, ...]]] = Future()

        def ask() -> None:
            try:
                cursor = self._observer.execute(sql.encode(), values or None)
                future.set_result(cursor.fetchall() if cursor.description else [])
            except psycopg.Error as error:
                future.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()
        try:
            return future.result(PATIENCE)
        except TimeoutError:
            raise LabError(f"Postgres has not answered for {PATIENCE:g} s. Is it paused? See `lab status`.") from None
        except psycopg.Error as error:
            raise LabError(f"Postgres went away in the middle ({error}). See `lab status`.") from error

    def clear(self) -> None:
        """End both sessions and drop the scratch schema."""
        for session in self._sessions.values():
            self._observe("SELECT pg_terminate_backend(%s, 1000)", session.pid)
        self._observe(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def _in_time(deadline: float, sql: str) -> None:
    if time.monotonic() > deadline:
        raise LabError(f"Postgres has not answered `{sql}` for {PATIENCE:g} s. See `lab status`.")


@contextlib.contextmanager
def theatre(url: str, tell: Callable[[Turn], None]) -> Iterator[Theatre]:
    """A theatre on the database at `url`, cleared at the end, also on Ctrl-C. What a kill -9 left of an earlier
    one goes first. Raises LabError when another replay is on."""
    with contextlib.ExitStack() as stack:
        observer, first, second = (stack.enter_context(_connection(url, name)) for name in ("observer", "A", "B"))
        if not _scalar(observer, f"SELECT pg_try_advisory_lock({LOCK})"):
            raise LabError("Another replay is on in this database. Wait until it has ended, then try again.")
        observer.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())
        observer.execute(f"CREATE SCHEMA {SCHEMA}".encode())
        for connection in (observer, first, second):
            connection.execute(f"SET search_path TO {SCHEMA}".encode())
        play = Theatre(observer, {"A": Session("A", first), "B": Session("B", second)}, tell)
        try:
            yield play
        finally:
            with undisturbed(), contextlib.suppress(LabError):
                play.clear()


@contextlib.contextmanager
def _connection(url: str, name: str) -> Iterator[psycopg.Connection]:
    connection = connect(url, f"lab replay {name}")
    try:
        yield connection
    finally:
        connection.close()


def _scalar(connection: psycopg.Connection, sql: str) -> Any:
    row = connection.execute(sql.encode()).fetchone()
    return row[0] if row else None
