"""The first GET that is served again after a restore: of a link that the database has. Lab 4."""

from __future__ import annotations

import contextlib
import http.client
import time

from infra.errors import LabError
from infra.runtime.protocol import Runtime

SECONDS = 60.0
_POLL = 0.02


def some_link(runtime: Runtime) -> str | None:
    """The id of a link that is there; None when the table is empty, or is none of ours."""
    import psycopg

    host, port = runtime.address("postgres")
    box = runtime.stage.box("postgres").environment
    with (
        contextlib.suppress(psycopg.Error),
        psycopg.connect(
            host=host,
            port=port,
            user=box["POSTGRES_USER"],
            password=box["POSTGRES_PASSWORD"],
            dbname=box["POSTGRES_DB"],
            connect_timeout=5,
        ) as connection,
    ):
        row = connection.execute("SELECT id FROM links LIMIT 1").fetchone()
        return str(row[0]) if row else None
    return None


def first_served(runtime: Runtime, link: str | None) -> float:
    """When, on the monotonic clock, the redirect of that link was answered; without a link, when any was looked up.

    Raises LabError when that takes too long."""
    balancer = any("balancer" in box.names for box in runtime.stage.boxes)
    host, port = runtime.address("balancer" if balancer else "app")
    deadline = time.monotonic() + SECONDS
    while True:
        status = _get(host, port, f"/{link or 'nolink0'}")
        if status == 302 or (link is None and status == 404):
            return time.monotonic()
        if time.monotonic() > deadline:
            raise LabError(f"GET /{link or 'nolink0'} is answered by {status or 'nothing'} after {SECONDS:.0f} s.")
        time.sleep(_POLL)


def _get(host: str, port: int, path: str) -> int:
    """The answer's status, 0 when there was none."""
    connection = http.client.HTTPConnection(host, port, timeout=5.0)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status
    return 0
