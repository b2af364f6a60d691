"""A shortener in a thread, with mistakes on demand, and the least of a runtime around it."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from infra.runtime.protocol import Runtime
from infra.stage import Stage


@dataclass
class Mistakes:
    """What the service does wrong from now on."""

    forget: set[str] = field(default_factory=set)  # ids that it has lost
    respell: bool = False  # Location is another url than the one given
    drop_gets: bool = False  # close the connection instead of answering a GET
    refuse_writes: int = 0  # answer POST with this status
    no_id: bool = False  # 201 without an id
    unwell: int = 0  # so many answers more are 503
    ignore_reads: bool = False  # every GET is 503
    clicks: float = 1.0  # what a redirect adds to its link's clicks
    show_no_clicks: bool = False
    ignore_changes: bool = False  # PATCH and DELETE are answered well, and nothing happens
    ignore_keys: bool = False  # a POST that is sent again makes another link
    lose_answers: int = 0  # so many POSTs more are done, and their connection is closed without an answer


class TinyService:
    """Listens on a free port until `close`. `links` is what it knows, `requests` counts what reached it."""

    def __init__(self) -> None:
        self.links: dict[str, str] = {}
        self.mistakes = Mistakes()
        self.requests: list[str] = []
        self.clicks: Counter[str] = Counter()
        self.keys: dict[str, str] = {}
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"service": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass
class TinyRuntime:
    """A stage of one service; what an experiment asks of a runtime and no more."""

    service: TinyService
    healed: int = 0
    broken: list[str] = field(default_factory=list)

    def address(self, box: str, target: int | None = None) -> tuple[str, int]:
        return self.service.address

    @property
    def stage(self) -> Stage:
        """It has no Kafka: nobody can tell a lag."""
        return Stage(())

    def kill(self, box: str) -> None:
        self.broken.append(box)

    def heal(self) -> None:
        self.healed += 1
        self.service.mistakes = Mistakes()

    def as_runtime(self) -> Runtime:
        return cast("Runtime", self)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is no error here."""


class _Handler(BaseHTTPRequestHandler):
    service: TinyService
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.service.requests.append(self.path)
        if self.service.mistakes.drop_gets:
            self.close_connection = True
            return
        with self.service.lock:
            self.service.mistakes.unwell -= self.service.mistakes.unwell > 0
            unwell = self.service.mistakes.unwell > 0 or self.service.mistakes.ignore_reads
        parts = urlsplit(self.path)
        if unwell:
            self._answer(503, {})
        elif parts.path == "/links":
            url = parse_qs(parts.query, keep_blank_values=True)["url"][0]
            found = [{"id": link_id} for link_id, known in self.service.links.items() if known == url]
            self._answer(200, {"items": found, "next": None})
        elif parts.path.startswith("/links/"):
            self._show(parts.path.removeprefix("/links/"))
        else:
            self._redirect(parts.path[1:])

    def _redirect(self, link_id: str) -> None:
        if link_id not in self.service.links or link_id in self.service.mistakes.forget:
            self._answer(404, {})
            return
        url = self.service.links[link_id]
        with self.service.lock:
            self.service.clicks[link_id] += self.service.mistakes.clicks  # type: ignore[assignment]  # a part of one too
        self._answer(302, {}, url.lower() if self.service.mistakes.respell else url)

    def _show(self, link_id: str) -> None:
        if link_id not in self.service.links:
            self._answer(404, {})
            return
        link = {"id": link_id, "url": self.service.links[link_id], "clicks": int(self.service.clicks[link_id])}
        if self.service.mistakes.show_no_clicks:
            del link["clicks"]
        self._answer(200, link)

    def do_PATCH(self) -> None:
        url, link_id = self._url(), self.path.removeprefix("/links/")
        if not self.service.mistakes.ignore_changes:
            self.service.links[link_id] = url
        self._answer(200, {"id": link_id, "url": url})

    def do_DELETE(self) -> None:
        if not self.service.mistakes.ignore_changes:
            self.service.links.pop(self.path.removeprefix("/links/"), None)
        self._answer(204, None)

    def _url(self) -> str:
        return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["url"])

    def do_POST(self) -> None:
        self.service.requests.append(self.path)
        url = self._url()
        if self.service.mistakes.refuse_writes:
            self._answer(self.service.mistakes.refuse_writes, {})
            return
        link_id = self._made(url, self.headers.get("Idempotency-Key"))
        with self.service.lock:
            self.service.mistakes.lose_answers -= self.service.mistakes.lose_answers > 0
            if self.service.mistakes.lose_answers:
                self.close_connection = True
                return
        self._answer(201, {"url": url} if self.service.mistakes.no_id else {"id": link_id, "url": url})

    def _made(self, url: str, key: str | None) -> str:
        if key in self.service.keys and not self.service.mistakes.ignore_keys:
            return self.service.keys[key]
        link_id = f"link{next(self.service.numbers):03}"
        self.service.links[link_id] = url
        if key is not None:
            self.service.keys[key] = link_id
        return link_id

    def _answer(self, status: int, body: Any, location: str = "") -> None:
        content = b"" if status == 204 else json.dumps(body).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Silence."""
