"""The same query planned twice: as if its index were not there, and as it is."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from infra.errors import LabError
from labs.lab2_postgres.explain.plan import Plan, read_plan
from labs.lab2_postgres.explain.query import Query

SMALL = 50_000  # rows; below that a scan is over so fast that the ratio says little


@dataclass(frozen=True)
class Comparison:
    """Both plans of one query. `rows` is the table's size."""

    query: Query
    url: str
    before: Plan
    after: Plan
    rows: int

    @property
    def ratio(self) -> float:
        """How many times longer the query takes without the index."""
        return self.before.seconds / self.after.seconds if self.after.seconds else float("inf")

    @property
    def indexed(self) -> bool:
        return bool(self.after.indexes())


def compare(connection: psycopg.Connection, query: Query, url: str) -> Comparison:
    """Run `query` for `url` without and with its index. Raises LabError when Postgres refuses or takes over 60 s.

    The index is not dropped for it, not even in a transaction that is rolled back: DROP INDEX locks the table against
    everybody, and a service with traffic would hang. The planner is told instead, in this transaction alone, that
    index scans are switched off; what is left to it is what it would have without the index."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL statement_timeout = '60s'")
            connection.execute("SET LOCAL lock_timeout = '2s'")
            connection.execute(f"PREPARE lab_explain AS {query.text}".encode())
            after = _run(connection, query, url)
            for way in ("indexscan", "indexonlyscan", "bitmapscan"):
                connection.execute(f"SET LOCAL enable_{way} = off".encode())
            before = _run(connection, query, url)
    except psycopg.Error as error:
        reason = error.diag.message_primary or str(error)
        raise LabError(f"Postgres did not explain the query: {reason}. The query was: {query.text}") from error
    finally:
        if not connection.closed:
            connection.execute("DEALLOCATE ALL")
    return Comparison(query, url, before, after, before.rows_read)


def _run(connection: psycopg.Connection, query: Query, url: str) -> Plan:
    """The plan of the second run: by then what can be in memory is, for both ways alike."""
    connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    values = sql.SQL(", ").join(sql.Literal(value) for value in query.arguments(url))
    statement = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE lab_explain({})").format(values)
    for _ in range(2):
        row = connection.execute(statement).fetchone()
    assert row is not None  # EXPLAIN always answers
    return read_plan(row[0])
