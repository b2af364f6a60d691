"""The stage's balancer and copies, asked about themselves while an experiment runs. Lab 4."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator

import psycopg

from infra.balancer import Balancer
from infra.copies import standing
from infra.errors import LabError
from infra.experiment.gauges import Gauge, Read
from infra.experiment.keepalive import Connection
from infra.runtime.drains import balancer_of
from infra.runtime.protocol import Runtime
from labs.lab2_postgres.database import connect, database_url

BALANCER = "balancer"
THREE = ("app-1", "app-2", "app-3")
_NOTICED = 8.0  # seconds within which the balancer must have taken a copy out that does not answer
_POLL = 0.02
_MOMENT = 1.0  # seconds that a copy has to tell its metrics


def admin_of(stage: Runtime) -> Balancer:
    return balancer_of(stage.stage, stage.address)


def until_taken_out(stage: Runtime, copy: str) -> dict[str, float]:
    """How long it takes from now until the balancer sends that copy nothing any more; 8 s if it still does."""
    began, admin = time.monotonic(), admin_of(stage)
    while admin.copies()[copy].state == "UP" and time.monotonic() < began + _NOTICED:
        time.sleep(_POLL)
    return {"taken_out_seconds": time.monotonic() - began}


def requests_gauges() -> tuple[Gauge, ...]:
    """How many requests a second each of the three copies is sent, all on one scale."""
    return tuple(_requests_gauge(copy) for copy in THREE)


def _requests_gauge(copy: str) -> Gauge:
    @contextlib.contextmanager
    def opened(stage: Runtime) -> Iterator[Read]:
        admin = admin_of(stage)
        yield lambda: _requests(admin, copy)

    return Gauge(copy, f"requests a second that {copy} is sent (balancer)", opened, rate=True, scale="requests")


def _requests(admin: Balancer, copy: str) -> float | None:
    try:
        return float(admin.copies()[copy].requests)
    except (LabError, KeyError):
        return None


def breaker_gauge() -> Gauge:
    """The worst of the copies' breakers: closed 0, half-open 1, open 2."""

    @contextlib.contextmanager
    def opened(stage: Runtime) -> Iterator[Read]:
        with contextlib.ExitStack() as held:
            copies = [held.enter_context(Connection(stage.address(copy), _MOMENT)) for copy in standing(stage.stage)]
            yield lambda: _worst(copies)

    what = "the worst copy's breaker: half-open 1, open 2"
    return Gauge("breaker", what, opened, every=0.25)


def log_gauge() -> Gauge:
    """What Postgres writes, whichever tables the service has."""

    @contextlib.contextmanager
    def opened(stage: Runtime) -> Iterator[Read]:
        with contextlib.closing(connect(database_url(stage), "tells its log's position")) as connection:
            yield lambda: _kilobytes_logged(connection)

    return Gauge("log", "KB added to its log, a second (Postgres)", opened, rate=True)


def _kilobytes_logged(connection: psycopg.Connection) -> float | None:
    try:
        row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
    except psycopg.Error:
        return None
    return float(row[0]) / 1000 if row else None


def _worst(copies: list[Connection]) -> float | None:
    states = [state for copy in copies if (state := metric(copy, "cache_breaker_state")) is not None]
    return max(states, default=None)


def metric(copy: Connection, name: str) -> float | None:
    """A figure of the copy's /metrics, all its labels together; None when it tells none, or does not answer."""
    try:
        answer = copy.ask("GET", "/metrics")
    except OSError:
        return None
    values = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", answer.body.decode(errors="replace"), re.MULTILINE)
    return sum(map(float, values)) if values else None


def total(stage: Runtime, name: str) -> float:
    """That figure over all copies that stand, 0 for those that do not tell it."""
    found = 0.0
    for copy in standing(stage.stage):
        with Connection(stage.address(copy), _MOMENT) as connection:
            found += metric(connection, name) or 0.0
    return found
