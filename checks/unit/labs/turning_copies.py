"""A service that answers as if from several copies in turn, for the tools that put load on a balancer."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class TurningCopies(ThreadingHTTPServer):
    """`copies` answer one after the other; `status` is that of a redirect, `post_status` that of a POST, `clients` whom
    the POSTs say to be from; `at_get` is called at each GET."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *copies: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.turns = itertools.cycle(copies)
        self.status, self.post_status = 302, 201
        self.served_by = True
        self.at_get: Callable[[], None] = lambda: None
        self.numbers = itertools.count()
        self.urls: list[str] = []
        self.clients: set[str | None] = set()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.server_port


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: TurningCopies

    def do_GET(self) -> None:
        self.server.at_get()
        self._answer(self.server.status, b"", Location="https://example.com/" + "x" * 80)

    def do_POST(self) -> None:
        self.server.urls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["url"])
        self.server.clients.add(self.headers["X-Forwarded-For"])
        self._answer(self.server.post_status, json.dumps({"id": f"id{next(self.server.numbers)}"}).encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.served_by:
            self.send_header("Served-By", f"{next(self.server.turns)} (version 1)")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def turning_copies(*copies: str) -> Iterator[TurningCopies]:
    with TurningCopies(*copies) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
