"""A look-up that is stopped half-way: it has read the old row, and its answer is on its way when the link changes.

A race between a fill of the cache and a change is decided by microseconds. Here a view stands in place of the table,
and its condition makes one reader wait for a lock. What the service reads and writes stays the same. Lab 3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from checks.eventually import eventually
from checks.plugin.database import Connection
from checks.plugin.verdict import inconclusive

GATE, TURN = 7_051_001, 7_051_002  # advisory locks: who holds the gate holds up the first who comes, who takes the turn
PATIENCE = "4s"  # for the table's lock: others have statements under way

# Only one row's readers wait, that with the marker, and only the first of them: the change itself must come through.
_FUNCTION = """
CREATE FUNCTION lab_held_read(content text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF strpos(content, {marker}) > 0 AND NOT pg_try_advisory_xact_lock_shared({gate})
       AND pg_try_advisory_xact_lock({turn}) THEN
        PERFORM pg_advisory_xact_lock_shared({gate});
    END IF;
    RETURN true;
END $$"""
_WAITING = (
    "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND (classid::bigint << 32) + objid::bigint = %s"
)


@contextmanager
def holdable_reads(connection: Connection, table: str, marker: str) -> Iterator[None]:
    """Meanwhile a reader of a row that contains `marker` can be held. `table` is quoted, with its schema.

    Inconclusive where the table cannot be replaced by a view."""
    name = table.split(".", 1)[1]
    real = f'"lab_real_{name.strip(chr(34))}"'
    schema = table.split(".", 1)[0]
    quoted = psycopg.sql.quote(marker)
    try:
        connection.execute(f"SET lock_timeout = '{PATIENCE}'")
        with connection.transaction():
            connection.execute(_FUNCTION.format(marker=quoted, gate=GATE, turn=TURN))
            connection.execute(f"ALTER TABLE {table} RENAME TO {real}")
            connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM {schema}.{real} AS r WHERE lab_held_read(r::text)"
            )
    except psycopg.Error as error:
        inconclusive(f"a look-up cannot be held up in this database: {str(error).strip().splitlines()[0]}")
    try:
        yield
    finally:
        with connection.transaction():
            connection.execute(f"DROP VIEW {table}")
            connection.execute(f"ALTER TABLE {schema}.{real} RENAME TO {name}")
            connection.execute("DROP FUNCTION lab_held_read")


@contextmanager
def gate_closed(connection: Connection) -> Iterator[None]:
    """The first reader of a marked row who comes meanwhile goes on with what it has read when the block is left."""
    connection.execute("SELECT pg_advisory_lock(%s)", (GATE,))
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (GATE,))


def wait_for_reader(connection: Connection, within: float) -> bool:
    """Whether a reader stands at the gate within that many seconds."""
    return eventually(lambda: connection.execute(_WAITING, (GATE,)).rowcount > 0, within=within, every=0.005)
