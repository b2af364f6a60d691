"""The stage's replicas, held back: they receive everything and show nothing of it. And what each was asked. Lab 5."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg

from checks.eventually import eventually
from checks.plugin.stand import Stand
from checks.plugin.verdict import inconclusive
from infra.errors import LabError
from infra.failover.cluster import connected, leader_of, look

SOON = 10.0  # seconds until a replica has caught up
_HOLD = "held_back_by_a_check"
# A SELECT that names the table `links`, as the service sends them for reads; `%` is doubled for psycopg.
_READS = (
    "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements WHERE query ~* '\\mlinks\\M'"
    " AND query ~* '^\\s*(select|with)\\M' AND query !~* '\\m(insert|update|delete|pg_stat_statements|pg_catalog)\\M'"
)


def replicas(stand: Stand) -> list[str]:
    """The nodes that do not lead. Inconclusive when nobody leads, or nobody follows."""
    try:
        cluster = look(stand.runtime)
        leader = leader_of(stand.runtime)
    except LabError as error:
        inconclusive(str(error))
    return [name for name in cluster.nodes if name != leader] or inconclusive("the stage has no replica just now")


@contextlib.contextmanager
def held_back(stand: Stand) -> Iterator[None]:
    """No replica shows what is committed meanwhile. All of them show what was committed before.

    pg_wal_replay_pause would be simpler, but Patroni ends it within a second. So a reader on each replica holds a table
    that the leader then locks for itself: there the log's replay waits for the reader, up to 30 s. Inconclusive when it
    did not wait for as long as it should."""
    with contextlib.ExitStack() as stack:
        leader = stack.enter_context(connected(stand.runtime, leader_of(stand.runtime)))
        stack.callback(_let_go, leader)
        leader.execute(f"CREATE TABLE IF NOT EXISTS {_HOLD} ()")
        caught_up(stand)
        readers = {name: stack.enter_context(connected(stand.runtime, name)) for name in replicas(stand)}
        for reader in readers.values():
            reader.execute("BEGIN")
            reader.execute(f"SELECT FROM {_HOLD}")
        leader.execute(f"BEGIN; LOCK TABLE {_HOLD} IN ACCESS EXCLUSIVE MODE; COMMIT")
        yield
        for name, reader in readers.items():
            try:
                reader.execute("ROLLBACK")
            except psycopg.Error:
                inconclusive(f"{name} did not wait for its reader any longer: the machine was too slow for this check")


def _let_go(leader: psycopg.Connection) -> None:
    with contextlib.suppress(psycopg.Error):
        leader.execute(f"DROP TABLE IF EXISTS {_HOLD}")


def caught_up(stand: Stand) -> None:
    """Wait until each replica shows all that is committed by now."""
    with connected(stand.runtime, leader_of(stand.runtime)) as connection:
        row = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
    end = row[0] if row else "0/0"
    for name in replicas(stand):
        with connected(stand.runtime, name) as connection:
            here = f"SELECT pg_last_wal_replay_lsn() >= '{end}'"
            if not eventually(lambda: _true(connection, here), within=SOON):  # noqa: B023 - called here
                inconclusive(f"{name} does not catch up with the leader within {SOON:g} s")


def reads_by_node(stand: Stand) -> dict[str, int]:
    """How many SELECTs of links each node has run so far. Inconclusive when this Postgres counts no statements."""
    found: dict[str, int] = {}
    leader = leader_of(stand.runtime)
    try:
        with connected(stand.runtime, leader) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        caught_up(stand)
        for name in (leader, *replicas(stand)):
            with connected(stand.runtime, name) as connection:
                row = connection.execute(_READS).fetchone()
            found[name] = row[0] if row else 0
    except psycopg.Error as error:
        inconclusive(f"this Postgres counts no statements: {str(error).strip().splitlines()[0]}")
    return found


def _true(connection: psycopg.Connection, query: str) -> bool:
    return connection.execute(query.encode()).fetchone() == (True,)
