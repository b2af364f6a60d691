"""The HTTP side of your shortener, of which several copies stand. Done but for the session tokens."""

import json
import os
import re
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from breaker import breaker
from cache import Cache
from connections import Unavailable
from limit import BURST, RATE, Limit
from session import asked_in, token_headers
from store import Invalid, Store

HOST = os.environ.get("HOST", "127.0.0.1")
PORT = int(os.environ.get("PORT", "8000"))
BASE_URL = os.environ.get("BASE_URL", f"http://127.0.0.1:{PORT}")
SERVED_BY = f"{os.environ.get('COPY', 'app')} (version {os.environ.get('VERSION', '1')})"
MOST_BYTES = 16 * 1024
BODY_SECONDS = 4  # for the whole of it, however slowly it trickles in
ID = re.compile(r"/([0-9A-Za-z]{7})")
KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"|([\w!#$%&*+.^`|~:/=-]{1,255})', re.ASCII)


class Refused(Exception):
    """A request that gets an error answer."""

    def __init__(self, status, title, detail, headers=()):
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers


class Handler(BaseHTTPRequestHandler):
    """One request. Each runs in a thread of its own."""

    protocol_version = "HTTP/1.1"
    timeout = 4  # seconds that we wait for a client to say something
    wbufsize = -1  # buffered: head and body leave together, and TCP does not hold the second one back for 40 ms
    store = cache = limit = None

    def do_GET(self):
        self.guarded(self.route_get)

    do_HEAD = do_GET

    def do_POST(self):
        self.guarded(self.route_post)

    def do_PATCH(self):
        self.guarded(self.route_patch)

    def do_DELETE(self):
        self.guarded(self.route_delete)

    def do_PUT(self):
        self.guarded(self.refuse_method)

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
        elif target.path == "/metrics":
            gauge = f"# TYPE cache_breaker_state gauge\ncache_breaker_state {breaker.state}\n"
            self.answer(200, gauge, kind="text/plain; version=0.0.4")
        elif target.path == "/links":
            self.search(parse_qs(target.query, keep_blank_values=True))
        elif target.path == "/stats/top":
            raise NotImplementedError("GET /stats/top is still to be written: TODO top, lab 3's, see `lab start 3`")
        elif target.path.startswith("/links/"):
            self.answer(200, self.view(there(self.store.get(id_in(target.path.removeprefix("/links"))))))
        else:
            self.redirect(id_in(target.path))

    def redirect(self, link_id):
        url = there(self.cache.find_url(link_id))
        self.answer(302, {}, [("Location", url), ("Cache-Control", "private, max-age=0")])
        # The click goes to Kafka here: lab 3's clicks.py; it is no part of this lab.

    def route_post(self):
        if urlsplit(self.path).path != "/links":
            self.refuse_method()
        taken = self.limit.take(self.client())
        self.limits = [
            ("RateLimit-Policy", f'"links";q={BURST};w={-(-BURST // RATE)}'),
            ("RateLimit", f'"links";r={taken.left};t={taken.seconds}'),
        ]
        if not taken.granted:
            headers = [("Retry-After", str(taken.seconds)), *self.limits]
            raise Refused(
                429, "Too Many Requests", "you make more links than this service takes from one client", headers
            )
        url = checked_url(self.body())
        key = self.headers.get_all("Idempotency-Key")
        link = self.view(self.store.add_once(url, parsed(", ".join(key))) if key else self.store.add(url))
        self.answer(201, link, [("Location", link["short_url"]), *self.limits])

    def client(self):
        """The address that the balancer saw; whatever stands before it in that header the client can have made up."""
        seen = ", ".join(self.headers.get_all("X-Forwarded-For") or [])
        return seen.rsplit(",")[-1].strip() or self.client_address[0]

    def route_patch(self):
        link_id = self.changed_id()
        url = checked_url(self.body())
        with self.cache.changing(link_id):
            link = self.store.change(link_id, url)
        self.answer(200, self.view(there(link)))

    def route_delete(self):
        link_id = self.changed_id()
        with self.cache.changing(link_id):
            removed = self.store.remove(link_id)
        there(removed or None)
        self.answer(204, None)

    def changed_id(self):
        path = urlsplit(self.path).path
        if not (path.startswith("/links/") and ID.fullmatch(path.removeprefix("/links"))):
            self.refuse_method()
        return id_in(path.removeprefix("/links"))

    def refuse_method(self):
        path = urlsplit(self.path).path
        if path == "/links":
            allowed = "GET, POST, HEAD"
        elif path.startswith("/links/") and ID.fullmatch(path.removeprefix("/links")):
            allowed = "GET, HEAD, PATCH, DELETE"
        elif path in ("/healthz", "/readyz", "/stats/top", "/metrics") or ID.fullmatch(path):
            allowed = "GET, HEAD"
        else:
            raise Refused(404, "Not Found", "nothing is here")
        raise Refused(405, "Method Not Allowed", f"this path knows {allowed}", [("Allow", allowed)])

    def search(self, query):
        url = checked_url({"url": query.get("url", [None])[-1]})
        links, following = self.store.search(url, limit_in(query, "20"), query.get("cursor", [None])[-1])
        self.answer(200, {"items": [self.view(link) for link in links], "next": following})

    def view(self, link):
        return {
            "id": link["id"],
            "url": link["url"],
            "short_url": f"{BASE_URL}/{link['id']}",
            "created_at": link["created_at"].isoformat(),
            **({"clicks": link["clicks"]} if "clicks" in link else {}),
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
        body = (content if isinstance(content, str) else "" if content is None else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Served-By", SERVED_BY)
        # TODO own-writes: what this answer was read or written at belongs to it. Whoever asks the database here knows
        #      it: let store.py and replicas.py say so, in something that belongs to this request alone.
        headers = [*headers, *token_headers(asked_in(self.headers), None)]
        for name, value in headers:
            self.send_header(name, value)
        if stopping.is_set() and (self.command in ("GET", "HEAD") or self.read):
            self.send_header("Connection", "close")
            self.close_connection = True
        if self.command not in ("GET", "HEAD") and not self.read:
            # What is left of the body must not be taken for a request.
            self.send_header("Connection", "close")
            self.close_connection = True
        if content is not None:
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


def there(found):
    """What was found. Raises Refused 404 for None."""
    if found is None:
        raise Refused(404, "Not Found", "no link has this id")
    return found


def id_in(path):
    found = ID.fullmatch(path)
    return there(found and found[1])


def limit_in(query, usual):
    limit = query.get("limit", [usual])[-1]
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= 100):
        raise Refused(422, "Unprocessable Content", "limit: a number from 1 to 100")
    return int(limit)


def parsed(header):
    """The key in an Idempotency-Key header: a text in quotes, or a bare word."""
    found = KEY.fullmatch(header)
    if not found:
        raise Refused(400, "Bad Request", 'Idempotency-Key: one key of 1 to 255 characters in quotes, such as "a1b2"')
    return re.sub(r"\\(.)", r"\1", found[1]) if found[1] else found[2]


class Server(ThreadingHTTPServer):
    daemon_threads = False  # `with Server` ends when the requests in flight have
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Clients may hang up; only what is our own fault is worth a traceback."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


stopping = threading.Event()


def main():
    Handler.store = Store(os.environ["DATABASE_URL"], os.environ["DATABASE_REPLICA_URL"])
    Handler.cache = Cache(Handler.store, os.environ["REDIS_URL"])
    Handler.limit = Limit(os.environ["REDIS_URL"])
    with Server((HOST, PORT), Handler) as server:

        def stop(*_):
            stopping.set()
            threading.Thread(target=server.shutdown).start()  # it waits for the loop below

        signal.signal(signal.SIGTERM, stop)
        server.serve_forever(poll_interval=0.1)
    Handler.store.close()


if __name__ == "__main__":
    main()
