"""`lab explain` on a real Postgres: the service's own query, without and with its index."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import psycopg
import pytest
from rich.console import Console

from infra.commands.explain import _print
from infra.errors import LabError
from labs.lab2_postgres.explain.compare import Comparison, compare
from labs.lab2_postgres.explain.plan import Node, read_plan
from labs.lab2_postgres.explain.query import parse, sent_by_service, some_url
from labs.lab2_postgres.explain.words import sentence

SENT = "SELECT id, url, created_at FROM links WHERE url = %s ORDER BY created_at DESC, id DESC LIMIT %s"
ROWS = 60_000


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """A table of 60,000 links to 6,000 urls, and a service that asked for one of them."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE links (id text PRIMARY KEY, url text, created_at timestamptz DEFAULT now())")
        connection.execute(
            "INSERT INTO links SELECT i::text, 'https://example.com/' || i %% 6000, now() - i * interval '1 s'"
            " FROM generate_series(1, %s) i",
            (ROWS,),
        )
        connection.execute("CREATE INDEX links_by_url ON links (url, created_at, id)")
        connection.execute("VACUUM ANALYZE links")
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute(SENT, ("https://example.com/7", 20))
        yield connection


def explained(connection: psycopg.Connection) -> Comparison:
    query = sent_by_service(connection)
    return compare(connection, query, some_url(connection, query))


def printed(found: Comparison) -> str:
    console = Console(file=StringIO(), width=160)
    _print(found, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_index_spares_the_scan(connection: psycopg.Connection) -> None:
    found = explained(connection)
    assert "Seq Scan" in found.before.kinds()
    assert not found.before.indexes()
    assert found.after.indexes() == ["links_by_url"]
    assert found.rows == pytest.approx(ROWS, rel=0.001)
    assert found.after.rows_read == 10
    assert found.ratio > 5
    text = printed(found)
    assert "links_by_url" in text
    assert "times" in text
    assert "lab seed" not in text


def test_nothing_is_left_of_it(connection: psycopg.Connection) -> None:
    explained(connection)
    row = connection.execute(
        "SELECT current_setting('enable_indexscan'), (SELECT count(*) FROM pg_prepared_statements),"
        " (SELECT count(*) FROM pg_indexes WHERE indexname = 'links_by_url')"
    ).fetchone()
    assert row == ("on", 0, 1)


def test_without_an_index_it_says_so(connection: psycopg.Connection) -> None:
    connection.execute("DROP INDEX links_by_url")
    found = explained(connection)
    assert not found.indexed
    assert "No index serves this query" in printed(found)


def test_a_small_table_gets_advice(connection: psycopg.Connection) -> None:
    connection.execute("DELETE FROM links WHERE id::int > 50")
    assert "lab seed 1_000_000" in printed(explained(connection))


def test_an_empty_table_is_explained_too(connection: psycopg.Connection) -> None:
    connection.execute("TRUNCATE links")
    found = explained(connection)
    assert found.rows == 0
    text = printed(found)
    assert "lab seed" in text
    assert "times" not in text


def test_a_locked_table_is_a_sentence(connection: psycopg.Connection, database: str) -> None:
    query = sent_by_service(connection)
    with psycopg.connect(database) as other:
        other.execute("LOCK links IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LabError, match="lock timeout"):
            compare(connection, query, "https://example.com/1")


def test_a_query_not_seen_yet_is_a_sentence(database: str) -> None:
    with (
        psycopg.connect(database, autocommit=True) as connection,
        pytest.raises(LabError, match="has not seen the query"),
    ):
        sent_by_service(connection)


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("SELECT * FROM links WHERE url = $1 ORDER BY id LIMIT $2", True),
        ("select id from links where links.url=$2 and ($1::text is null or id < $1) limit $3", True),
        ('SELECT "id" FROM "links" WHERE "url" = $1', True),
        ("SELECT * FROM links WHERE url = $1 AND (created_at, id) < ($2, $3) LIMIT $4", False),
        ("UPDATE links SET url = $1", False),
        ("SELECT url FROM links WHERE id = $1", False),
    ],
)
def test_which_statements_are_understood(text: str, understood: bool) -> None:
    assert (parse(text) is not None) is understood


def test_arguments_stand_in_the_statements_order() -> None:
    query = parse("select id from links where url = $2 and ($1::text is null or id < $1) limit $3")
    assert query is not None
    assert query.arguments("u") == [None, "u", 21]


def node(kind: str, details: dict[str, object] | None = None, rows: int = 20, guessed: int = 20) -> Node:
    said = {"Node Type": kind, "Actual Total Time": 1.0, "Plan Rows": guessed, "Actual Rows": rows}
    return read_plan([{"Plan": said | (details or {}), "Execution Time": 1.0}]).root


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (node("Seq Scan", {"Rows Removed by Filter": 980, "Relation Name": "links"}), "1,000 rows looked at, 980"),
        (node("Index Scan", {"Index Name": "by_url"}), "B-tree by_url"),
        (node("Bitmap Heap Scan", {"Relation Name": "links"}), "pages of links"),
        (node("Bitmap Index Scan", {"Index Name": "by_url"}), "by_url"),
        (node("Sort", {"Sort Key": ["created_at"], "Sort Space Type": "Disk"}), "work_mem"),
        (node("Gather Merge", {"Workers Launched": 2}), "2 helper processes"),
        (node("Materialize"), "Using EXPLAIN"),
        (node("Seq Scan", rows=10_000, guessed=5), "had guessed 5 rows"),
    ],
)
def test_each_step_has_a_sentence(step: Node, words: str) -> None:
    assert words in sentence(step)


def test_workers_that_ran_side_by_side_are_not_added_up() -> None:
    scan = {"Node Type": "Seq Scan", "Actual Total Time": 10.0, "Actual Loops": 3, "Plan Rows": 1, "Actual Rows": 5}
    top = {"Node Type": "Gather", "Actual Total Time": 11.0, "Plan Rows": 1, "Actual Rows": 15, "Plans": [scan]}
    below = read_plan([{"Plan": top, "Execution Time": 11.0}]).root.below[0]
    assert below.seconds == pytest.approx(0.010)
    assert below.rows == 15
