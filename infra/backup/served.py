"""The first redirect that is served again after a restore: of a link that the database has. Lab 4.

Asked for with HEAD, which is answered as GET is but is no click: a GET would count one that nobody has made."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

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


@contextlib.contextmanager
def watched(runtime: Runtime, link: str | None) -> Iterator[Future[float]]:
    """While the service comes back: when, on the monotonic clock, that link was first answered by its redirect; without
    a link, when any was looked up. The future raises LabError when that does not come."""
    place = runtime.address("balancer" if any("balancer" in box.names for box in runtime.stage.boxes) else "app")
    given_up = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        try:
            yield thread.submit(_first_served, place, link, given_up)
        finally:
            given_up.set()


def _first_served(place: tuple[str, int], link: str | None, given_up: threading.Event) -> float:
    deadline = time.monotonic() + SECONDS
    path = f"/{link or 'nolink0'}"
    while True:
        status = _ask(*place, path)
        if status == 302 or (link is None and status == 404):
            return time.monotonic()
        if given_up.wait(_POLL) or time.monotonic() > deadline:
            raise LabError(f"HEAD {path} is still answered by {status or 'nothing'}.")


def _ask(host: str, port: int, path: str) -> int:
    """The answer's status, 0 when there was none."""
    connection = http.client.HTTPConnection(host, port, timeout=5.0)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("HEAD", path)
        return connection.getresponse().status
    return 0
