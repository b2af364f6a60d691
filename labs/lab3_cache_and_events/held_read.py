"""A read of Postgres that is stopped half-way, so that a race that is decided by microseconds can be had at will.

A view takes the place of the table `links`; its condition makes the first reader of one link wait at a gate, with the
old row in hand. For a stage of an experiment's own: the table has another name meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from infra.errors import LabError

_GATE, _TURN = 7_052_001, 7_052_002  # advisory locks: whoever finds the gate shut waits there, if it is the first
_SHUT = f"NOT pg_try_advisory_xact_lock_shared({_GATE}) AND pg_try_advisory_xact_lock({_TURN})"
_FUNCTION = f"""
CREATE FUNCTION held_read(marked boolean) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF marked AND {_SHUT} THEN PERFORM pg_advisory_xact_lock_shared({_GATE}); END IF;
    RETURN true;
END $$"""
_WAITING = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    f" AND (classid::bigint << 32) + objid::bigint = {_GATE}"
)


@contextmanager
def holdable(connection: psycopg.Connection, marker: str) -> Iterator[None]:
    """Meanwhile a read of a link whose url contains `marker` can be held."""
    condition = f"held_read(position('{marker}' in real.url) > 0)"
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '4s'")
        connection.execute(_FUNCTION.encode())
        connection.execute("ALTER TABLE links RENAME TO real_links")
        connection.execute(f"CREATE VIEW links AS SELECT * FROM real_links AS real WHERE {condition}".encode())
    try:
        yield
    finally:
        with connection.transaction():
            connection.execute("DROP VIEW links")
            connection.execute("ALTER TABLE real_links RENAME TO links")
            connection.execute("DROP FUNCTION held_read")


@contextmanager
def gate_shut(connection: psycopg.Connection) -> Iterator[None]:
    """Whoever reads the marked link meanwhile goes on, with what it has read, when the block is left."""
    connection.execute(f"SELECT pg_advisory_lock({_GATE})".encode())
    try:
        yield
    finally:
        connection.execute(f"SELECT pg_advisory_unlock({_GATE})".encode())


def until_held(connection: psycopg.Connection, within: float = 3.0) -> None:
    """Until a reader waits at the gate. Raises LabError when none comes."""
    give_up = time.monotonic() + within
    while time.monotonic() < give_up:
        row = connection.execute(_WAITING.encode()).fetchone()
        if row is not None and row[0]:
            return
        time.sleep(0.005)
    raise LabError(
        "The service did not read the link from Postgres, so there is no race to watch. Does it cache links that "
        "nobody has asked for? See `lab logs app`."
    )
