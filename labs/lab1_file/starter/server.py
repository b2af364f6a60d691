"""Your URL shortener: an HTTP server and one JSON file. It runs as it is; the TODOs say what it does not do yet."""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = os.environ.get("HOST", "127.0.0.1")
PORT = int(os.environ.get("PORT", "8000"))
BASE_URL = os.environ.get("BASE_URL", f"http://127.0.0.1:{PORT}")
LINKS_FILE = Path(os.environ.get("LINKS_FILE", "links.json"))


class Links:
    """All links: in memory for reading, in LINKS_FILE to survive."""

    def __init__(self, file):
        self.file = file
        self.links = {}  # id -> {"id", "url", "short_url", "created_at"}
        # TODO 3: read what the file holds from an earlier life. There may be no file yet.

    def add(self, url):
        """A new link to `url`, safe on disk when this returns."""
        # TODO 1: make an id of seven characters that nobody can guess, and the link around it.
        # TODO 3: write the file so that no kill, at whatever moment, leaves half of it or loses what was acknowledged.
        # TODO 4: two threads may be here at once.
        raise NotImplementedError

    def get(self, link_id):
        return self.links.get(link_id)


class Handler(BaseHTTPRequestHandler):
    """One request. Each runs in a thread of its own."""

    protocol_version = "HTTP/1.1"  # connections stay open for more requests, so every answer needs its Content-Length
    timeout = 4  # seconds that we wait for a client to say something
    stopping = False  # then a connection that is kept open ends with its next answer
    wbufsize = -1  # buffered: head and body leave together, and TCP does not hold the second one back for 40 ms
    links = Links(LINKS_FILE)

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, {"status": "alive"})
            return
        # TODO 2: GET /{id}: 302 with the url in Location, byte for byte as it was given; 404 when there is none.
        self.problem(501, "Not Implemented", "GET /{id} is still to be written: TODO 2 in server.py")

    # TODO 2: HEAD /{id} answers like GET, without a body.

    def do_POST(self):
        # TODO 1: POST /links with {"url": ...}: 201, Location, and the link as JSON.
        # TODO 5: not JSON: 400. No good url: 422. Another type: 415. Over 16 KiB: 413. Never a 500.
        self.close_connection = True  # the body was not read, so nothing can follow on this connection
        self.problem(501, "Not Implemented", "POST /links is still to be written: TODO 1 in server.py")

    def answer(self, status, content, headers=(), kind="application/json"):
        """Send `content` as JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.stopping:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def problem(self, status, title, detail):
        """Send an error as RFC 9457 wants it."""
        content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        self.answer(status, content, kind="application/problem+json")

    def log_request(self, code="-", size="-"):
        """Say nothing of each request: errors alone are worth a line."""


class Server(ThreadingHTTPServer):
    daemon_threads = False  # the end waits for requests in flight
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Clients may hang up; only what is our own fault is worth a traceback."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    with Server((HOST, PORT), Handler) as server:
        # `shutdown` waits for the loop below, so it must not run in the thread that runs that loop.
        def stop(*_):
            Handler.stopping = True
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
