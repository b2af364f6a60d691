"""A real Postgres for the tools that look into one, started once for all these tests."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from checks.unit.postgres import running_postgres

SETTINGS = ("-cshared_preload_libraries=pg_stat_statements", "-cdeadlock_timeout=200ms", "-cfsync=off")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Postgres with an empty database."""
    with running_postgres(tmp_path_factory.mktemp("postgres"), *SETTINGS) as (address, _):
        yield address


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """An empty database of the test's own on that Postgres."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE scratch")
        try:
            yield postgres.removesuffix("links") + "scratch"
        finally:
            connection.execute("DROP DATABASE scratch WITH (FORCE)")
