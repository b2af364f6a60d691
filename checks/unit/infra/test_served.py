"""A restore that looks whether a link is served again makes no click of that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import cast

import pytest

from infra.backup.served import watched
from infra.runtime.protocol import Runtime


class Service(HTTPServer):
    """Answers 503 once, then redirects; `asked` are the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Redirects)
        self.asked: list[str] = []


class Redirects(BaseHTTPRequestHandler):
    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if self.parse_request():
            asked = cast(Service, self.server).asked
            asked.append(f"{self.command} {self.path}")
            self.send_response(302 if len(asked) > 1 else 503)
            self.end_headers()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_link_is_asked_for_with_head_until_it_redirects(service: Service) -> None:
    place = ("127.0.0.1", service.server_port)
    runtime = SimpleNamespace(stage=SimpleNamespace(boxes=[]), address=lambda *_: place)
    with watched(cast(Runtime, runtime), "abcdefg") as served:
        assert served.result(timeout=10) > 0
    assert service.asked == ["HEAD /abcdefg"] * 2
