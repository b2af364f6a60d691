"""`lab trace`: a request's parts are timed, and whatever goes wrong is one sentence."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.errors import LabError
from labs.lab1_file.request_parts import take_apart

CERTIFICATE = Path(__file__).parent / "self_signed.pem"
ANSWER = b"HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A server on a free port of 127.0.0.1 that hands its one connection to `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def accept() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(10)
            assert not thread.is_alive()


def answer_after(seconds: float) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        threading.Event().wait(seconds)
        connection.sendall(ANSWER)

    return serve


def over_tls(connection: socket.socket) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with context.wrap_socket(connection, server_side=True) as encrypted:
        encrypted.recv(65536)
        encrypted.sendall(ANSWER)


def test_the_parts_come_in_order_and_the_servers_work_is_the_wait() -> None:
    with server(answer_after(0.2)) as port:
        anatomy = take_apart(f"http://127.0.0.1:{port}/x")
    assert anatomy.failure is None
    assert [part.name for part in anatomy.parts] == ["DNS", "connect", "send", "wait", "receive"]
    parts = {part.name: part for part in anatomy.parts}
    assert parts["wait"].seconds >= 0.2
    assert parts["wait"].seconds > 0.8 * anatomy.seconds
    assert anatomy.status == 302
    assert ("Location", "https://example.com/") in anatomy.headers
    assert anatomy.received == 2
    assert anatomy.address == f"127.0.0.1, port {port}"


def test_a_self_signed_certificate_is_refused_in_words() -> None:
    with server(over_tls) as port:
        anatomy = take_apart(f"https://127.0.0.1:{port}/")
    assert anatomy.failure is not None
    assert "certificate that this machine does not trust" in anatomy.failure
    assert "self-signed" in anatomy.failure
    assert anatomy.status is None


def test_a_trusted_certificate_shows_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with server(over_tls) as port:
        anatomy = take_apart(f"https://localhost:{port}/")
    assert anatomy.failure is None
    assert [part.name for part in anatomy.parts] == ["DNS", "connect", "TLS", "send", "wait", "receive"]
    assert anatomy.tls.startswith("TLSv1")


def test_http_where_tls_was_expected() -> None:
    def plain(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")

    with server(plain) as port:
        anatomy = take_apart(f"https://127.0.0.1:{port}/")
    assert "http:// instead of https://" in (anatomy.failure or "")


def test_nobody_listening() -> None:
    with socket.socket() as bound:  # bound and not listening: connections to it are refused
        bound.bind(("127.0.0.1", 0))
        anatomy = take_apart(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert "nothing listens on that port" in (anatomy.failure or "")
    assert [part.name for part in anatomy.parts] == ["DNS"]


def test_a_name_that_nobody_knows() -> None:
    assert "No address is known for nobody.invalid" in (take_apart("http://nobody.invalid/").failure or "")


def test_what_is_not_http() -> None:
    def mail(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"220 mail.example ESMTP\r\n")

    with server(mail) as port:
        anatomy = take_apart(f"http://127.0.0.1:{port}/")
    assert "not HTTP" in (anatomy.failure or "")


def test_a_server_that_never_answers_is_left_in_time() -> None:
    began = time.monotonic()
    with server(answer_after(2)) as port:
        anatomy = take_apart(f"http://127.0.0.1:{port}/", limit=0.3)
        assert time.monotonic() - began < 1.8
    assert "0.3 s" in (anatomy.failure or "")
    assert [part.name for part in anatomy.parts][:3] == ["DNS", "connect", "send"]


def test_a_server_that_drips_is_left_in_time_too() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        for letter in b"HTTP/1.1 200 All is well":
            with contextlib.suppress(OSError):
                connection.sendall(bytes([letter]))
            threading.Event().wait(0.1)

    began = time.monotonic()
    with server(drip) as port:
        anatomy = take_apart(f"http://127.0.0.1:{port}/", limit=0.4)
        assert time.monotonic() - began < 2
    assert "more than 0.4 s" in (anatomy.failure or "")


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com/", "http://", "", "http://[::1", "http://a:b/"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(LabError):
        take_apart(url)
