"""The steps beside the service: migrations, seeding, and the import of lab 1's file."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from infra.project import ROOT
from shortener.lab1_file.file_store import FileStore, read_links
from shortener.lab1_file.links import BASE62
from shortener.lab2_postgres import seed as seeding
from shortener.lab2_postgres.migrate import migrate
from shortener.lab2_postgres.seed import POPULAR, seed

NOWHERE = "postgresql://lab:lab@127.0.0.1:1/links"


def tool(name: str, url: str, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", f"shortener.lab2_postgres.{name}", *arguments]
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60, input=text
    )


def indexes(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid AND indrelid = to_regclass('links')"
        )
        return {name for (name,) in rows}


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM links").fetchone()
    assert row is not None
    return int(row[0])


def test_the_index_can_be_left_out_and_added_and_taken_away(empty_url: str) -> None:
    migrate(empty_url, "0001")
    assert indexes(empty_url) == {"links_pkey"}
    migrate(empty_url)
    migrate(empty_url)
    assert indexes(empty_url) == {"links_pkey", "links_by_url"}
    migrate(empty_url, "0001")
    assert indexes(empty_url) == {"links_pkey"}


def test_the_tables_of_another_service_are_left_alone(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute("CREATE TABLE links (name text)")
    refused = tool("migrate", empty_url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Another service has made its tables here.")


def test_two_migrations_at_once_take_turns(empty_url: str) -> None:
    words = [sys.executable, "-m", "shortener.lab2_postgres.migrate"]
    environment = {**os.environ, "DATABASE_URL": empty_url}
    both = [subprocess.Popen(words, cwd=ROOT, env=environment) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert indexes(empty_url) == {"links_pkey", "links_by_url"}


def test_an_index_that_was_broken_off_is_built_anew(empty_url: str) -> None:
    migrate(empty_url, "0001")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("CREATE INDEX links_by_url ON links (url)")
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'links_by_url'::regclass")
    migrate(empty_url)
    assert indexes(empty_url) == {"links_pkey", "links_by_url"}


@pytest.mark.parametrize(("name", "arguments"), [("migrate", ()), ("seed", ("10",)), ("import_file", ("-",))])
def test_a_database_out_of_reach_is_one_sentence(name: str, arguments: tuple[str, ...]) -> None:
    done = tool(name, NOWHERE, *arguments, text="{}")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "refused" in done.stderr


def test_an_unknown_revision_is_one_sentence(empty_url: str) -> None:
    done = tool("migrate", empty_url, "0099")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "0099" in done.stderr


def test_seeding_says_how_far_it_is_and_leaves_links_that_look_real(database_url: str) -> None:
    done = tool("seed", database_url, "60_000")
    assert done.returncode == 0, done.stderr
    assert "100 %  60,000 of 60,000 links" in done.stderr
    assert "seeded 60,000 links" in done.stdout
    with psycopg.connect(database_url) as connection:
        [facts] = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE url = %s), count(DISTINCT url), count(DISTINCT created_at),"
            " max(created_at), bool_and(id ~ '^[0-9A-Za-z]{7}$') FROM links",
            (POPULAR.decode(),),
        ).fetchall()
        most_common = "SELECT most_common_vals IS NOT NULL FROM pg_stats WHERE tablename = 'links' AND attname = 'url'"
        assert connection.execute(most_common).fetchone() == (True,), "it was analyzed"
    assert facts[:4] == (60_000, 50, 15_001, 60_000)
    assert 0 <= (datetime.now(UTC) - facts[4]).total_seconds() < 60
    assert facts[5]


def test_seeding_twice_adds_up(database_url: str) -> None:
    assert list(seed(database_url, 100))[-1] == 100
    assert list(seed(database_url, 30))[-1] == 30
    assert count(database_url) == 130


def test_an_id_that_is_taken_makes_the_chunk_be_copied_anew(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO links VALUES ('aaaaaaa', 'https://example.com/old')")
    tries = iter([[b"aaaaaaa", b"bbbbbbb"], [b"ccccccc", b"ddddddd"]])
    monkeypatch.setattr(seeding, "random_ids", lambda _: next(tries))
    assert list(seed(database_url, 2)) == [0, 2]
    assert count(database_url) == 3


def test_random_ids_use_every_character_alike_and_never_a_reserved_path(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = seeding.random_ids(30_000)
    assert len(set(ids)) == 30_000
    counts = [sum(link_id[:1] == bytes([character]) for link_id in ids) for character in BASE62.encode()]
    assert min(counts) > 0.6 * 30_000 / 62
    assert max(counts) < 1.4 * 30_000 / 62
    monkeypatch.setattr(seeding, "TO_BASE62", bytes(range(256)))
    pool = iter([b"abcdefghealthz", b"metricsabcdefg", b"hijklmn", b"abcdefg"])
    monkeypatch.setattr(os, "urandom", lambda _: next(pool))
    assert seeding.random_ids(2) == [b"abcdefg", b"hijklmn"]


@pytest.mark.parametrize("arguments", [(), ("many",)])
def test_seeding_without_a_number_says_how(arguments: tuple[str, ...]) -> None:
    done = tool("seed", NOWHERE, *arguments)
    assert done.returncode == 1
    assert "such as `python -m shortener.lab2_postgres.seed 1_000_000`" in done.stderr


def test_an_import_keeps_every_link_as_it_was_and_is_made_once(database_url: str, links_file: Path) -> None:
    async def fill() -> None:
        store = FileStore(links_file)
        await asyncio.gather(*[store.add(f"https://example.com/{number}?b=%20|c") for number in range(30)])

    asyncio.run(fill())
    first = tool("import_file", database_url, str(links_file))
    assert first.stdout == "imported 30 links, 0 were there already\n", first.stderr
    again = tool("import_file", database_url, "-", text=links_file.read_text())
    assert again.stdout == "imported 0 links, 30 were there already\n", again.stderr
    with psycopg.connect(database_url) as connection:
        rows = set(connection.execute("SELECT id, url, created_at FROM links").fetchall())
    assert rows == {(link.id, link.url, link.created_at) for link in read_links(links_file)}


@pytest.mark.parametrize(
    "content", [None, "{", "[1]", '{"abcdefg": "x"}', '{"abcdefg": {"url": "x", "created_at": "2026-01-01"}}']
)
def test_a_bad_file_imports_nothing_and_is_one_sentence(
    database_url: str, links_file: Path, content: str | None
) -> None:
    if content is not None:
        links_file.write_text(content)
    done = tool("import_file", database_url, str(links_file))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("Nothing was imported: ")
    assert "object has no attribute" not in done.stderr
    assert "Errno" not in done.stderr
    assert count(database_url) == 0
