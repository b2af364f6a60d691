"""How often the database was asked for a link. A few known misses tell by which statement; then that one is counted.
Lab 3."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from checks.plugin.database import Connection, explain, tables, watch_statements
from checks.plugin.redis_server import RedisServer
from checks.plugin.service import Service
from checks.plugin.verdict import inconclusive

ROUNDS = 6  # known misses, each beside a look while nothing is asked
CHANCE = 1  # looks at which a statement of the background may have run by chance

_CALLS = (
    "SELECT queryid, sum(calls)::bigint FROM pg_stat_statements"
    " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND query !~* 'pg_stat_statements|pg_catalog|^\\s*(begin|commit|rollback|set|show)\\M' GROUP BY queryid"
)


@dataclass(frozen=True)
class LinkReads:
    """The statements that look a link up when the cache does not know it."""

    connection: Connection
    statements: frozenset[int]  # by pg_stat_statements' queryid

    def count(self) -> int:
        """How often a link has been looked up so far. A look-up that is still running does not count yet.

        One look-up may be several statements: the one that ran most often is counted."""
        calls = _calls(self.connection)
        return max(calls.get(statement, 0) for statement in self.statements)

    def tables(self) -> list[str]:
        """The tables that they read, quoted, with their schema. Inconclusive when Postgres cannot tell."""
        queries = self.connection.execute(
            "SELECT DISTINCT query FROM pg_stat_statements WHERE queryid = ANY(%s)", (list(self.statements),)
        )
        plans = [plan for plan in (explain(self.connection, row[0]) for row in queries.fetchall()) if plan]
        read = {table for plan in plans for _, table, _ in plan.steps if table}
        names = [name for name in tables(self.connection) if name.split(".")[-1].strip('"') in read]
        return names or inconclusive("Postgres cannot explain which table a look-up reads")


def link_reads(service: Service, connection: Connection, redis: RedisServer | None = None) -> LinkReads:
    """Follow links that were just taken out of the cache, and see which statement runs each time.

    `redis` is None while it is dead, and every redirect a miss. Asked with HEAD, which is no click: what counts clicks
    stays quiet. Inconclusive when no statement can be told."""
    try:
        watch_statements(connection)
    except psycopg.Error as error:
        inconclusive(f"this Postgres counts no statements: {str(error).strip().splitlines()[0]}")
    links = [service.create(f"https://example.com/known-miss/{number}") for number in range(ROUNDS)]
    always: set[int] | None = None
    idle: dict[int, int] = {}
    for link in links:
        if redis is not None:
            redis.expire(redis.keys_of([link])[link["id"]])
        before = _calls(connection)
        still = _calls(connection)
        for statement in _grown(before, still):
            idle[statement] = idle.get(statement, 0) + 1
        service.request("HEAD", "/" + link["id"])
        grown = _grown(still, _calls(connection))
        always = grown if always is None else always & grown
    statements = frozenset(statement for statement in always or () if idle.get(statement, 0) <= CHANCE)
    if not statements:
        inconclusive(
            f"{ROUNDS} links whose keys were taken out of Redis were followed, and no statement in Postgres' own "
            "statistics ran each time: this check cannot tell a cache's miss there"
        )
    return LinkReads(connection, statements)


def _calls(connection: Connection) -> dict[int, int]:
    return dict(connection.execute(_CALLS).fetchall())


def _grown(before: dict[int, int], after: dict[int, int]) -> set[int]:
    return {statement for statement, calls in after.items() if calls > before.get(statement, 0)}
