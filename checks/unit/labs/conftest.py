"""A real Postgres for the tools that look into one: the stage's own box, started once for all these tests."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import psycopg
import pytest

from infra.box import Box, NativeBox
from infra.boxes.native import Plan
from infra.boxes.postgres import PostgresBox
from infra.project import LAB_HOME, ROOT
from infra.runtime.environment import base_environment
from infra.runtime.process import BoxProcess, Launch

SETTINGS = ("-cshared_preload_libraries=pg_stat_statements", "-cdeadlock_timeout=200ms", "-cfsync=off")
IDENTITY = {"POSTGRES_USER": "lab", "POSTGRES_PASSWORD": "lab", "POSTGRES_DB": "links"}


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Postgres with an empty database."""
    folder = tmp_path_factory.mktemp("postgres")
    box = Box(
        name="postgres",
        aliases=(),
        profiles=frozenset(),
        environment=IDENTITY,
        command=("postgres", *SETTINGS),
        ports=(),
        mounts=(),
        depends_on={},
        native=NativeBox("postgres"),
    )
    plan = Plan(box, ROOT, _free_port(), IDENTITY, {"/data": folder / "data"}, LAB_HOME / "cache")
    kind, process = PostgresBox(), BoxProcess(folder / "postgres.pid")
    kind.prepare(plan)
    process.spawn(Launch(kind.command(plan) or [], base_environment(), kind.folder(plan), folder / "log"))
    try:
        deadline = time.monotonic() + 30
        while why := kind.obstacle(plan):
            assert time.monotonic() < deadline, f"{why}\n{(folder / 'log').read_text()}"
        yield f"postgresql://lab:lab@127.0.0.1:{plan.port}/links"
    finally:
        process.stop(kind.stop_signal, 10, leader_only=kind.leader_only)


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """An empty database of the test's own on that Postgres."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE scratch")
        try:
            yield postgres.removesuffix("links") + "scratch"
        finally:
            connection.execute("DROP DATABASE scratch WITH (FORCE)")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
