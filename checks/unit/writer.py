"""Links that are written one after the other over HTTP, each with the times between which it was made durable."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Written:
    sent: float
    acknowledged: float
    link: str


@dataclass
class Writer:
    """`rows` are those that were acknowledged so far."""

    port: int
    rows: list[Written] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._write)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _write(self) -> None:
        while not self._over.wait(0.005):
            sent = time.time()
            status, body = request(self.port, "POST", "/links", '{"url": "https://example.com/"}')
            if status == 201:
                self.rows.append(Written(sent, time.time(), json.loads(body)["id"]))


def request(port: int, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    """The answer's status and body; 0 when there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def is_there(port: int, link: str) -> bool:
    status, _ = request(port, "GET", f"/{link}")
    assert status in (302, 404), status
    return status == 302
