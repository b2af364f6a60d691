"""What the benchmarks of the service measure: its servers, the service of a lab, and the bare server beside it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import psycopg

from checks.unit.kafka import running_kafka
from checks.unit.postgres import free_port, running_postgres
from checks.unit.redis import running_redis
from infra.project import ROOT
from shortener.lab2_postgres.migrate import migrate
from shortener.lab2_postgres.seed import random_ids, seed
from shortener.lab3_cache_and_events.migrate import VERSIONS

SETTINGS = ("-cmax_connections=50", "-cshared_preload_libraries=pg_stat_statements", "-cdeadlock_timeout=200ms")


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The address of a Postgres with the stage's own settings."""
    with tempfile.TemporaryDirectory() as folder, running_postgres(Path(folder), *SETTINGS) as (url, _):
        yield url


@contextlib.contextmanager
def redis_and_kafka(*settings: str) -> Iterator[dict[str, str]]:
    """What lab 3's service finds both by."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_redis(Path(folder) / "redis", *settings) as (redis_url, _),
        running_kafka(Path(folder) / "kafka") as (servers, _),
    ):
        yield {"LAB": "3", "REDIS_URL": redis_url, "KAFKA_BOOTSTRAP_SERVERS": servers}


def database(server: str, name: str, links: int) -> str:
    """The address of a new database there with every lab's schema and that many links."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = f"{server.rsplit('/', 1)[0]}/{name}"
    migrate(url, versions=VERSIONS)
    for _ in seed(url, links):
        pass
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM links")  # otherwise it comes by itself in the middle of a measurement
    return url


def sample(url: str, count: int) -> list[str]:
    """The paths of that many links, from everywhere in the table."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT id FROM links ORDER BY md5(id) LIMIT %s", (count,))
        return [f"/{link_id}" for (link_id,) in rows]


def links_file(folder: Path, count: int) -> tuple[Path, list[str]]:
    """A file of lab 1 with that many links, and their paths."""
    ids = [link_id.decode() for link_id in random_ids(count)]
    item = {"url": "https://example.com/articles/0000001?ref=feed", "created_at": "2026-01-01T00:00:00+00:00"}
    path = folder / "links.json"
    path.write_text(json.dumps(dict.fromkeys(ids, item)))
    return path, [f"/{link_id}" for link_id in ids]


@contextlib.contextmanager
def server(module: str, **variables: str) -> Iterator[int]:
    """The port on which `python -m module` listens by then."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "PORT": str(port), "BASE_URL": base_url, **variables}
    with subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, env=environment) as process:
        try:
            transport = httpx.HTTPTransport(retries=12)
            with httpx.Client(transport=transport) as client:
                client.get(base_url)
            yield port
        finally:
            process.terminate()


def hammer(port: int, paths: Sequence[str], seconds: float, connections: int = 64) -> dict[str, float]:
    """See bench.hammer; it runs as a process of its own."""
    words = [sys.executable, "-m", "bench.hammer", str(port), str(seconds), str(connections)]
    done = subprocess.run(words, cwd=ROOT, input="\n".join(paths), capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
