"""The HTTP side of your shortener: what lab 1 asked for is done here. Lab 2's work is in store.py and migrate.py."""

import json
import os
import re
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from store import Invalid, Store, Unavailable

HOST = os.environ.get("HOST", "127.0.0.1")
PORT = int(os.environ.get("PORT", "8000"))
BASE_URL = os.environ.get("BASE_URL", f"http://127.0.0.1:{PORT}")
MOST_BYTES = 16 * 1024
BODY_SECONDS = 4  # for the whole of it, however slowly it trickles in
ID = re.compile(r"/([0-9A-Za-z]{7})")


class Refused(Exception):
    """A request that gets an error answer."""

    def __init__(self, status, title, detail, headers=()):
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers


class Handler(BaseHTTPRequestHandler):
    """One request. Each runs in a thread of its own."""

    protocol_version = "HTTP/1.1"
    timeout = 4  # seconds that we wait for a client to say something
    stopping = False  # then a connection that is kept open ends with its next answer
    wbufsize = -1  # buffered: head and body leave together, and TCP does not hold the second one back for 40 ms
    store = None

    def do_GET(self):
        self.guarded(self.route_get)

    do_HEAD = do_GET

    def do_POST(self):
        self.guarded(self.route_post)

    def do_PUT(self):
        self.guarded(self.refuse_method)

    do_DELETE = do_PATCH = do_PUT

    def guarded(self, route):
        """Run a route; whatever it raises becomes an answer."""
        self.read = False
        try:
            route()
        except Refused as refused:
            self.problem(refused.status, refused.title, refused.detail, refused.headers)
        except Invalid as reason:
            self.problem(422, "Unprocessable Content", str(reason))
        except Unavailable as reason:
            self.problem(503, "Service Unavailable", str(reason), [("Retry-After", "1")])
        except NotImplementedError as reason:
            self.problem(501, "Not Implemented", str(reason))

    def route_get(self):
        target = urlsplit(self.path)
        if target.path == "/healthz":
            self.answer(200, {"status": "alive"})
        elif target.path == "/readyz":
            self.store.check()
            self.answer(200, {"status": "ready"})
        elif target.path == "/links":
            self.search(parse_qs(target.query, keep_blank_values=True))
        elif target.path.startswith("/links/"):
            self.answer(200, self.view(self.link(target.path.removeprefix("/links"))))
        else:
            self.answer(302, {}, [("Location", self.link(target.path)["url"])])

    def route_post(self):
        if urlsplit(self.path).path != "/links":
            self.refuse_method()
        url = checked_url(self.body())
        link = self.view(self.store.add(url))
        self.answer(201, link, [("Location", link["short_url"])])

    def refuse_method(self):
        path = urlsplit(self.path).path
        if path == "/links":
            allowed = "GET, POST, HEAD"
        elif path in ("/healthz", "/readyz") or ID.fullmatch(path.removeprefix("/links")):
            allowed = "GET, HEAD"
        else:
            raise Refused(404, "Not Found", "nothing is here")
        raise Refused(405, "Method Not Allowed", f"this path knows {allowed}", [("Allow", allowed)])

    def search(self, query):
        url = checked_url({"url": query.get("url", [None])[-1]})
        limit = query.get("limit", ["20"])[-1]
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= 100):
            raise Refused(422, "Unprocessable Content", "limit: a number from 1 to 100")
        links, following = self.store.search(url, int(limit), query.get("cursor", [None])[-1])
        self.answer(200, {"items": [self.view(link) for link in links], "next": following})

    def link(self, path):
        found = ID.fullmatch(path)
        link = self.store.get(found[1]) if found else None
        if link is None:
            raise Refused(404, "Not Found", "no link has this id")
        return link

    def view(self, link):
        return {
            "id": link["id"],
            "url": link["url"],
            "short_url": f"{BASE_URL}/{link['id']}",
            "created_at": link["created_at"].isoformat(),
        }

    def body(self):
        """The request's JSON."""
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "Unsupported Media Type", "send application/json")
        self.deadline = time.monotonic() + BODY_SECONDS
        try:
            chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
            raw = self.take_chunks() if chunked else self.take(self.length())
            self.read = True
            return json.loads(raw.decode())
        except TimeoutError:
            raise Refused(408, "Request Timeout", f"the body did not come within {BODY_SECONDS} s") from None
        except (ValueError, RecursionError):
            raise Refused(400, "Bad Request", "the body is not JSON") from None
        finally:
            self.connection.settimeout(self.timeout)

    def length(self):
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise Refused(411, "Length Required", "send a Content-Length")
        if int(length) > MOST_BYTES:
            raise Refused(413, "Content Too Large", f"at most {MOST_BYTES} bytes")
        return int(length)

    def take_chunks(self):
        """A body without a length: pieces, each after its size in hexadecimal, until one of size 0."""
        raw = b""
        while size := int(self.take_line().split(b";")[0], 16):
            if len(raw) + size > MOST_BYTES:
                raise Refused(413, "Content Too Large", f"at most {MOST_BYTES} bytes")
            raw += self.take(size)
            self.take_line()
        self.take_line()
        return raw

    def take_line(self):
        line = b""
        while not line.endswith(b"\n"):
            line += self.take(1)
            if len(line) > 100:
                raise ValueError("no chunk has so long a head")
        return line

    def take(self, size):
        """That many bytes of the body. Raises TimeoutError when they do not come by the deadline."""
        raw = b""
        while len(raw) < size:
            self.connection.settimeout(max(0.01, self.deadline - time.monotonic()))
            piece = self.rfile.read1(size - len(raw))
            if not piece:
                raise ValueError("the client hung up")
            raw += piece
        return raw

    def answer(self, status, content, headers=(), kind="application/json"):
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.stopping or (self.command not in ("GET", "HEAD") and not self.read):
            # We are leaving, or what is left of the body must not be taken for a request.
            self.send_header("Connection", "close")
            self.close_connection = True
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def problem(self, status, title, detail, headers=()):
        content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        self.answer(status, content, headers, "application/problem+json")

    def log_message(self, *_):
        """Say nothing of each request: what is our own fault is told below."""


def checked_url(body):
    """The url in a body or a query, judged and untouched."""
    url = body.get("url") if isinstance(body, dict) else None
    if not isinstance(url, str) or not 1 <= len(url) <= 2048:
        raise Refused(422, "Unprocessable Content", "url: a text of 1 to 2,048 characters")
    if re.fullmatch(r"[!-~]+", url) is None:
        raise Refused(422, "Unprocessable Content", "url: percent-encode spaces and all beyond ASCII; punycode a host")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port >= 0)
    except ValueError:
        good = False
    if not good:
        raise Refused(422, "Unprocessable Content", "url: an absolute http or https url with a host")
    return url


class Server(ThreadingHTTPServer):
    daemon_threads = False  # the end waits for requests in flight
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Clients may hang up; only what is our own fault is worth a traceback."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    Handler.store = Store(os.environ["DATABASE_URL"])
    with Server((HOST, PORT), Handler) as server:
        # `shutdown` waits for the loop below, so it must not run in the thread that runs that loop.
        def stop(*_):
            Handler.stopping = True
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        server.serve_forever(poll_interval=0.1)
    Handler.store.close()


if __name__ == "__main__":
    main()
