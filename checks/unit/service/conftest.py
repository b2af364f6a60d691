"""A real Postgres for the service's own tests: native, or in a container with RUNTIME=docker. A database a test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from checks.unit.postgres import IDENTITY, running_postgres
from shortener.lab2_postgres.migrate import migrate

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Postgres."""
    if os.environ.get("RUNTIME") == "docker":
        yield from _container()
    else:
        with running_postgres(tmp_path_factory.mktemp("postgres"), "-cfsync=off") as (url, _):
            yield url


def _container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    container = DockerContainer(os.environ.get("LAB_POSTGRES_IMAGE", "postgres:17")).with_exposed_ports(5432)
    for name, value in IDENTITY.items():
        container.with_env(name, value)
    # Said twice: first by the temporary server that only initialises.
    container.waiting_for(LogMessageWaitStrategy("database system is ready to accept connections", times=2))
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(5432)}"
        yield f"postgresql://lab:lab@{address}/links"


@pytest.fixture(scope="session")
def template(postgres_url: str) -> str:
    """The name of a database with the schema of today, to be cloned."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_links")
    migrate(postgres_url.removesuffix("links") + "template_links")
    return "template_links"


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    """A database of the test's own, without any table."""
    yield from _database(postgres_url, "template1")


@pytest.fixture
def database_url(postgres_url: str, template: str) -> Iterator[str]:
    """A database of the test's own, with the schema of today."""
    yield from _database(postgres_url, template)


def _database(postgres_url: str, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield postgres_url.removesuffix("links") + name
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def links_file(tmp_path: Path) -> Path:
    return tmp_path / "links.json"
