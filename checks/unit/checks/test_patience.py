"""A check that is not about the rate limit waits as a 429 tells it to and sends again: in one place, in bounds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from checks.plugin import service as client
from checks.plugin.copies import metric
from checks.plugin.service import Answer, Sent, Service, seconds_to_wait

Limited = Callable[[int], Service]
METRICS = b'state 2.0\nmade_total{by="a"} 3.0\nmade_total{by="b"} 4.0\nstate_of_another 9.0\n'


@pytest.fixture
def limited() -> Iterator[Limited]:
    """A service that refuses so many requests first."""
    left: list[None] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = METRICS if self.path == "/metrics" else b""
            self.send_response(429 if left else 200)
            if left:
                left.pop()
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def refusing(times: int) -> Service:
        left[:] = [None] * times
        return Service(f"http://127.0.0.1:{server.server_port}")

    yield refusing
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_is_over_the_limit_is_sent_again(limited: Limited) -> None:
    with closing(limited(3)) as service:
        assert service.get("/").status == 200
        assert service.count == 4


def test_a_check_of_the_limit_itself_sees_the_429(limited: Limited) -> None:
    with closing(limited(1)) as service:
        assert service.at(service.base_url, patient=False).get("/").status == 429


def test_patience_ends(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE", -1.0)
    with closing(limited(9)) as service:
        assert service.get("/").status == 429
        assert service.count == 1


def test_what_is_sent_to_another_address_counts(limited: Limited) -> None:
    with closing(limited(0)) as service:
        other = service.at(service.base_url)
        assert other.get("/").status == 200
        assert (service.count, service.last) == (1, other.last)
    assert not other._open


@pytest.mark.parametrize(
    ("said", "seconds"), [("3", 3.0), ("0", 0.0), (None, 1.0), ("Sun, 29 Nov 2026", 1.0), ("²", 1.0)]
)
def test_retry_after_is_read_as_seconds(said: str | None, seconds: float) -> None:
    headers = {} if said is None else {"retry-after": said}
    assert seconds_to_wait(Answer(429, headers, b"", 0.0, Sent("", "GET", "/", {}, None))) == seconds


def test_a_metric_is_the_sum_of_its_samples(limited: Limited) -> None:
    with closing(limited(0)) as service:
        assert metric(service, "state") == 2
        assert metric(service, "made_total") == 7
        assert metric(service, "nothing") is None
