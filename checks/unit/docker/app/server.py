"""The least that a stage of lab 1 or 2 takes for a service: the runtime's own tests need one that never changes."""

from __future__ import annotations

import os
import signal
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

DATABASE = urlsplit(os.environ.get("DATABASE_URL", ""))
FILE = Path(os.environ.get("LINKS_FILE", "/data/links.json"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """/healthz lives; /readyz asks the database's port; /size is the file's length; /env tells who it is."""
        answers = {"/healthz": self._alive, "/readyz": self._ready, "/size": self._size, "/lab": self._lab}
        status, text = answers.get(self.path, lambda: (404, "no such path"))()
        self._answer(status, text)

    def do_POST(self) -> None:
        """Append the body to the file: 507 when the disk is full."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            with FILE.open("ab") as file:
                file.write(body)
        except OSError as error:
            self._answer(507, str(error))
            return
        self._answer(201, "written")

    def _alive(self) -> tuple[int, str]:
        return 200, "alive"

    def _ready(self) -> tuple[int, str]:
        try:
            socket.create_connection((DATABASE.hostname or "", DATABASE.port or 5432), timeout=1).close()
        except OSError as error:
            return 503, str(error)
        return 200, "ready"

    def _size(self) -> tuple[int, str]:
        return 200, str(FILE.stat().st_size)

    def _lab(self) -> tuple[int, str]:
        return 200, os.environ["LAB"]

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
