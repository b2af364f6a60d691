"""One HTTP request taken apart: name, connection, encryption, question, wait and answer, each with its time."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpcore
import httpx

from infra.errors import LabError

MOST_BYTES = 10 * 2**20  # of a body; more is not read
Event = tuple[float, str]

# Each part lies between two events of httpcore's trace extension; the name's look-up is our own, before them.
_PARTS = (
    ("DNS", "dns.started", "dns.complete"),
    ("connect", "connect_tcp.started", "connect_tcp.complete"),
    ("TLS", "start_tls.started", "start_tls.complete"),
    ("send", "send_request_headers.started", "send_request_body.complete"),
    ("wait", "send_request_body.complete", "receive_response_headers.complete"),
    ("receive", "receive_response_headers.complete", "receive_response_body.complete"),
)


@dataclass(frozen=True)
class Part:
    """One part of the request; `start` and `seconds` on one clock that begins with the look-up of the name."""

    name: str
    start: float
    seconds: float


@dataclass
class Anatomy:
    """What is known of the request so far. `failure` is a sentence when it did not come to its end."""

    url: str
    address: str = ""  # the IP address and port that answered
    tls: str = ""
    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    received: int = 0  # bytes of the body
    failure: str | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def parts(self) -> list[Part]:
        """The parts that came to their end, in order."""
        when = {name: at for at, name in self.events}
        began = min(when.values(), default=0.0)
        return [
            Part(name, when[start] - began, when[end] - when[start])
            for name, start, end in _PARTS
            if start in when and end in when
        ]

    @property
    def seconds(self) -> float:
        return max((part.start + part.seconds for part in self.parts), default=0.0)

    def mark(self, name: str) -> None:
        self.events.append((time.perf_counter(), name))


def take_apart(url: str, limit: float = 10.0) -> Anatomy:
    """Send a GET to `url` and time its parts, in at most `limit` seconds. Redirects are shown, not followed.

    Raises LabError for what is no http(s) URL; whatever goes wrong on the way stands in `failure`."""
    target = _parse(url)
    anatomy = Anatomy(str(target))
    # A thread, because looking up a name knows no time limit; it is left behind (and ends with us) when it hangs.
    worker = threading.Thread(target=_attempt, args=(target, anatomy, limit), daemon=True)
    worker.start()
    worker.join(limit)
    seen = replace(anatomy, events=list(anatomy.events))  # what a worker left behind finds later is not ours
    if worker.is_alive() and seen.failure is None:
        seen.failure = f"{_next_part(seen)} took more than {limit:g} s, so the rest was not waited for."
    return seen


def _parse(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise LabError(f"{url} is no URL ({error}). Write one such as http://127.0.0.1:8000/healthz.") from error
    if target.scheme not in ("http", "https") or not target.host:
        raise LabError(f"{url} is no http or https URL. Write it whole, such as https://example.com/.")
    return target


def _attempt(url: httpx.URL, anatomy: Anatomy, limit: float) -> None:
    """Fill in `anatomy`; never raises."""
    host, port = url.raw_host.decode(), url.port or (443 if url.scheme == "https" else 80)
    try:
        # Our own preparations take a while, so they come before the clock starts.
        _look_up("127.0.0.1", port)
        trust, resolved = httpx.create_ssl_context() if url.scheme == "https" else None, _Resolved()
        with httpcore.ConnectionPool(ssl_context=trust, network_backend=resolved) as pool:
            anatomy.mark("dns.started")
            resolved.addresses = _look_up(host.strip("[]"), port)
            anatomy.mark("dns.complete")
            _exchange(pool, url, anatomy, limit)
    except Exception as error:  # everything becomes a sentence: this runs in a thread of its own
        anatomy.failure = _sentence(error, f"{host}:{port}", limit)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _exchange(pool: httpcore.ConnectionPool, url: httpx.URL, anatomy: Anatomy, limit: float) -> None:
    def on_event(name: str, info: Mapping[str, Any]) -> None:
        anatomy.mark(name.partition(".")[2])

    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), limit)
    headers = [("User-Agent", "lab-trace"), ("Accept", "*/*"), ("Connection", "close")]
    extensions = {"timeout": timeouts, "trace": on_event}
    with pool.stream("GET", str(url), headers=headers, extensions=extensions) as response:
        _describe_connection(response.extensions["network_stream"], anatomy)
        anatomy.status = response.status
        anatomy.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
        for chunk in response.iter_stream():
            anatomy.received += len(chunk)
            if anatomy.received > MOST_BYTES:
                anatomy.mark("receive_response_body.complete")
                return


def _describe_connection(stream: httpcore.NetworkStream, anatomy: Anatomy) -> None:
    server = stream.get_extra_info("server_addr")
    anatomy.address = f"{server[0]}, port {server[1]}"
    tls = stream.get_extra_info("ssl_object")
    anatomy.tls = tls.version() or "" if tls else ""


class _Resolved(httpcore.SyncBackend):
    """Connects to addresses that are known already, so that DNS and TCP can be timed apart."""

    addresses: list[str]

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in self.addresses:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"no address for {host}")


def _next_part(anatomy: Anatomy) -> str:
    """The part that was under way, in words."""
    done = {part.name for part in anatomy.parts}
    begun = {name for _, name in anatomy.events}
    for name, start, _ in _PARTS:
        if start in begun and name not in done:
            return {"DNS": "Looking up the name", "wait": "The first byte of the answer"}.get(name, f"The {name} part")
    return "The request"


def _sentence(error: Exception, where: str, limit: float) -> str:
    """What went wrong and what to look at next."""
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"{where} shows a certificate that this machine does not trust: {cause.verify_message}. Nothing was sent."
        )
    if isinstance(cause, ssl.SSLError):
        return f"{where} does not speak TLS as expected ({cause.reason}). Did you mean http:// instead of https://?"
    if isinstance(cause, socket.gaierror):
        return f"No address is known for {where.rpartition(':')[0]}: DNS says «{cause.strerror}». Is the name right?"
    if isinstance(cause, UnicodeError):
        return f"{where.rpartition(':')[0]} cannot be a host's name ({cause}). Look at its dots."
    if isinstance(cause, ConnectionRefusedError):
        return f"{where} refused the connection: the machine is there, but nothing listens on that port."
    if isinstance(error, httpcore.TimeoutException):
        return f"{where} did not answer within {limit:g} s."
    if isinstance(error, httpcore.ProtocolError):
        return f"{where} answered with something that is not HTTP ({error})."
    return f"The connection to {where} failed: {cause}."


def _root(error: BaseException) -> BaseException:
    """The first error behind `error`: libraries wrap it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error
