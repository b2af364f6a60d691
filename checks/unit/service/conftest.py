"""A real Postgres for the service's own tests: native, or in a container with RUNTIME=docker. A database a test."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from checks.unit.postgres import IDENTITY, START_SECONDS, running_postgres
from infra.runtime.docker import images
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
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # its image is nowhere without a registry
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(images.chosen(images.which())["LAB_POSTGRES_IMAGE"]).with_exposed_ports(5432)
    for name, value in IDENTITY.items():
        container.with_env(name, value)
    with container:
        # Ports are published on 127.0.0.1, also where the library takes its own surroundings for a container.
        url = f"postgresql://lab:lab@127.0.0.1:{container.get_exposed_port(5432)}/links"
        _wait_for(url)
        yield url


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with psycopg.connect(url, connect_timeout=2):
                return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "Postgres does not answer"
            time.sleep(0.05)


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
