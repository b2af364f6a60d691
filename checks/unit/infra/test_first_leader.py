"""The step before lab 5's schema ends as soon as one node leads, and not before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.config.patroni import first_leader


class Node(BaseHTTPRequestHandler):
    """As Patroni answers at /primary: 503 the first times it is asked, then 200."""

    asked = 0
    follows = 3  # times

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200 if self.path == "/primary" and self.asked > self.follows else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def node() -> Iterator[str]:
    Node.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Node) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_it_asks_until_one_leads(node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODES", f"http://127.0.0.1:1 {node}")  # nobody listens at the first
    first_leader.main()
    assert Node.asked == Node.follows + 1


def test_a_cluster_without_a_leader_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_leader, "_PATIENCE", 0.2)
    monkeypatch.setenv("NODES", "http://127.0.0.1:1")
    with pytest.raises(SystemExit, match="No node leads after"):
        first_leader.main()
