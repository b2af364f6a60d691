"""Round trips over the loopback: this machine talking to itself through the whole TCP stack, without a cable."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from statistics import median

SECONDS = 0.3  # each measurement stops after that long
Address = tuple[str, int]


def round_trip() -> float:
    """Median seconds for one byte to an echo server and back over a connection that stands already."""
    with _server(_echo) as address, socket.create_connection(address, timeout=5) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def once() -> None:
            client.sendall(b"x")
            client.recv(1)

        return _median(once)


def connect() -> float:
    """Median seconds to open a new TCP connection: the handshake."""
    with _server(lambda _: None) as address:
        times = []
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            client = socket.create_connection(address, timeout=5)
            times.append(time.perf_counter() - began)
            client.close()
        return median(times)


def http_request(address: Address, path: str = "/healthz") -> float | None:
    """Median seconds for a GET of `path` over one kept connection, None when the answer is not 200."""
    connection = http.client.HTTPConnection(*address, timeout=2)
    try:

        def once() -> None:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise http.client.HTTPException(f"status {answer.status}")

        return _median(once)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _median(once: Callable[[], None]) -> float:
    times = []
    once()
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        began = time.perf_counter()
        once()
        times.append(time.perf_counter() - began)
    return median(times)


@contextlib.contextmanager
def _server(serve: Callable[[socket.socket], None]) -> Iterator[Address]:
    """A server on 127.0.0.1 at a free port, that hands each connection to `serve`, one after the other."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        thread = threading.Thread(target=_accept, args=(listener, serve), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            with contextlib.suppress(OSError):  # wakes the accept; some systems call it "not connected"
                listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=2)


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                serve(connection)


def _echo(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(64):
        connection.sendall(data)
