"""The stage's Postgres, asked as its superuser: which query the service sends, how it is planned, by what index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from checks.plugin.stand import Stand
from checks.plugin.verdict import inconclusive
from labs.lab2_postgres.database import database_url

LOCK_ATTEMPTS = 5

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def database(stand: Stand) -> Iterator[Connection]:
    """A connection in autocommit mode, past the relay: it works while the service's link is cut."""
    with psycopg.connect(database_url(stand.runtime), autocommit=True) as connection:
        yield connection


def tables(connection: Connection) -> list[str]:
    """The service's tables, quoted, with their schema."""
    rows = connection.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    return [row[0] for row in rows]


def large_tables(connection: Connection, rows: int) -> set[str]:
    """The names of the tables that have at least so many rows, by the server's own statistics."""
    found = connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= %s", (rows,))
    return {row[0] for row in found}


def settle(connection: Connection) -> None:
    """What the server would do after a bulk load at a time of its own, done now: statistics, clean-up, write-back."""
    connection.execute("VACUUM (ANALYZE)")
    connection.execute("CHECKPOINT")


@contextmanager
def locked(connection: Connection, names: list[str]) -> Iterator[None]:
    """Nobody else reads or writes those tables (quoted names) meanwhile.

    Inconclusive when the locks cannot be had: others may hold theirs in another order, and are given way."""
    for number in range(LOCK_ATTEMPTS):
        connection.execute("BEGIN")
        try:
            connection.execute("SET LOCAL lock_timeout = '2s'")
            connection.execute(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")
            break
        except psycopg.Error as error:
            connection.execute("ROLLBACK")
            given_way = isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.LockNotAvailable)
            if not given_way or number == LOCK_ATTEMPTS - 1:
                inconclusive(f"the tables cannot be locked: {str(error).strip().splitlines()[0]}")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@dataclass(frozen=True)
class Plan:
    """How Postgres means to run a query: each step as (what it does, table, index)."""

    query: str
    steps: tuple[tuple[str, str, str], ...]

    @property
    def scanned(self) -> list[str]:
        """Tables that are read from one end to the other."""
        return [table for kind, table, _ in self.steps if kind == "Seq Scan"]

    @property
    def indexes(self) -> list[str]:
        return [index for _, _, index in self.steps if index]

    def reads(self, names: set[str]) -> bool:
        return any(table in names for _, table, _ in self.steps)

    def on(self, names: set[str]) -> Plan:
        """The same without the steps on other tables."""
        return Plan(self.query, tuple(step for step in self.steps if not step[1] or step[1] in names))

    def __str__(self) -> str:
        return ", ".join(
            " ".join(filter(None, (kind, table and f"on {table}", index and f"by {index}")))
            for kind, table, index in self.steps
        )


def watch_statements(connection: Connection) -> None:
    """Begin to count the statements that the server runs. Raises psycopg.Error when the extension is not loaded."""
    connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    connection.execute("SELECT pg_stat_statements_reset()")


def statements(connection: Connection, calls: int) -> list[str]:
    """The SELECTs with a parameter that ran at least so often since `watch_statements`, the costliest first."""
    rows = connection.execute(
        "SELECT query FROM pg_stat_statements WHERE calls >= %s AND query ~* '^\\s*(select|with)'"
        " AND query LIKE '%%$1%%' AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND query !~ 'pg_stat_statements|pg_catalog' ORDER BY total_exec_time DESC",
        (calls,),
    )
    return [row[0] for row in rows]


def explain(connection: Connection, query: str) -> Plan | None:
    """The plan for any parameters; None when the query as it was recorded cannot be explained."""
    try:
        row = connection.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {query}").fetchone()
    except psycopg.Error:
        return None
    if row is None:
        return None
    steps: list[tuple[str, str, str]] = []
    _walk(row[0][0]["Plan"], steps)
    return Plan(query, tuple(steps))


def _walk(node: dict[str, Any], steps: list[tuple[str, str, str]]) -> None:
    steps.append((node["Node Type"], node.get("Relation Name", ""), node.get("Index Name", "")))
    for child in node.get("Plans", []):
        _walk(child, steps)


@contextmanager
def without_indexes(connection: Connection, names: list[str]) -> Iterator[None]:
    """Those indexes are gone meanwhile, and are made again from their own definitions.

    Raises psycopg.Error when one cannot be dropped (it backs a constraint)."""
    connection.execute("SET lock_timeout = '5s'")
    made: list[str] = []
    try:
        for name in dict.fromkeys(names):
            row = connection.execute(
                "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
                " JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = %s",
                (name,),
            ).fetchone()
            if row is None:
                continue
            connection.execute(f"DROP INDEX {row[0]}")
            made.append(row[1])
        yield
    finally:
        for definition in made:
            connection.execute(definition)
