"""A real Postgres, Redis and Kafka for the service's own tests: native, or in containers with RUNTIME=docker. Each test
gets a database of its own, an empty Redis, and a log that it reads from its end on."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
import redis

from checks.unit.postgres import IDENTITY, START_SECONDS, running_postgres
from checks.unit.redis import PASSWORD, running_redis
from checks.unit.service.broker import Broker, running_broker
from infra.runtime.docker import images
from shortener.lab2_postgres.migrate import migrate
from shortener.lab3_cache_and_events.migrate import VERSIONS

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Postgres."""
    if os.environ.get("RUNTIME") == "docker":
        with container("LAB_POSTGRES_IMAGE", 5432, environment=IDENTITY) as port:
            url = f"postgresql://lab:lab@127.0.0.1:{port}/links"
            wait_for(lambda: psycopg.connect(url, connect_timeout=2).close(), psycopg.OperationalError)
            yield url
    else:
        with running_postgres(tmp_path_factory.mktemp("postgres"), "-cfsync=off") as (url, _):
            yield url


@pytest.fixture(scope="session")
def any_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if os.environ.get("RUNTIME") == "docker":
        words = ("valkey-server", "--save", "", "--requirepass", PASSWORD)
        with container("LAB_REDIS_IMAGE", 6379, *words) as port:
            url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
            wait_for(lambda: empty(url), redis.RedisError)
            yield url
    else:
        with running_redis(tmp_path_factory.mktemp("redis")) as (url, _):
            yield url


@pytest.fixture
def redis_url(any_redis_url: str) -> str:
    """The address of a running Redis with nothing in it."""
    empty(any_redis_url)
    return any_redis_url


def empty(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Kafka. Whoever kills it starts it again."""
    with running_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@contextlib.contextmanager
def container(image: str, port: int, *words: str, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """The port of this machine at which that port of a container is reached. `image` names the image's variable."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # its image is nowhere without a registry
    from testcontainers.core.container import DockerContainer

    box = DockerContainer(images.chosen(images.which())[image]).with_exposed_ports(port)
    for name, value in (environment or {}).items():
        box.with_env(name, value)
    if words:
        box.with_command(list(words))
    with box:
        # Ports are published on 127.0.0.1, also where the library takes its own surroundings for a container.
        yield int(box.get_exposed_port(port))


def wait_for(attempt: Callable[[], None], failure: type[Exception]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return attempt()
        except failure:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)


@pytest.fixture(scope="session")
def template(postgres_url: str) -> str:
    """The name of a database with lab 2's schema, to be cloned."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_links")
    migrate(postgres_url.removesuffix("links") + "template_links")
    return "template_links"


@pytest.fixture(scope="session")
def events_template(postgres_url: str) -> str:
    """The same with lab 3's tables."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_events")
    migrate(postgres_url.removesuffix("links") + "template_events", versions=VERSIONS)
    return "template_events"


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    """A database of the test's own, without any table."""
    yield from _database(postgres_url, "template1")


@pytest.fixture
def database_url(postgres_url: str, template: str) -> Iterator[str]:
    """A database of the test's own, with lab 2's schema."""
    yield from _database(postgres_url, template)


@pytest.fixture
def events_url(postgres_url: str, events_template: str) -> Iterator[str]:
    """A database of the test's own, with lab 3's schema."""
    yield from _database(postgres_url, events_template)


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
