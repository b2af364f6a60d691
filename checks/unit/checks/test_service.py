"""The client that checks use: what it sends is what curl would send, and it never waits longer than it says."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing

import pytest

from checks.eventually import eventually
from checks.plugin import service as client
from checks.plugin.raw import Wire, chunked
from checks.plugin.service import NoAnswer, Sent, Service


def test_the_curl_line_says_the_request() -> None:
    sent = Sent("http://127.0.0.1:8000", "POST", "/links", {"Content-Type": "application/json"}, b'{"url": "it\'s"}')
    assert sent.curl == (
        "curl -i -X POST --path-as-is http://127.0.0.1:8000/links -H 'Content-Type: application/json' "
        """--data-binary '{"url": "it'"'"'s"}'"""
    )


def test_a_long_body_is_cut_in_the_curl_line() -> None:
    assert "(20000 bytes in all)" in Sent("http://x", "POST", "/links", {}, b"x" * 20_000).curl


def test_a_server_that_never_answers_is_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LIMIT", 0.1)
    monkeypatch.setattr(client, "SLACK", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(NoAnswer) as caught:
            Service(f"http://127.0.0.1:{silent.getsockname()[1]}").get("/")
    assert caught.value.kind == "hang"
    assert time.monotonic() - start < 2


def test_nothing_that_listens_is_refused() -> None:
    with pytest.raises(NoAnswer) as caught:
        Service("http://127.0.0.1:9").get("/")
    assert caught.value.kind == "refused"


def test_a_connection_that_the_server_closed_is_not_used_again(port: int) -> None:
    with closing(Service(f"http://127.0.0.1:{port}")) as service:
        assert service.get("/").status == 200
        service._open[0].sock.shutdown(socket.SHUT_RDWR)
        assert service.get("/").status == 200
        assert service.count == 2


@pytest.mark.parametrize("size", [10, 30_000_000], ids=["a small body", "a body in transit"])
def test_an_answer_before_the_whole_body_is_read_is_an_answer(size: int) -> None:
    received = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse_the_head() -> None:
            connection, _ = server.accept()
            received.append(connection.recv(1000))
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=refuse_the_head)
        thread.start()
        answer = Service(f"http://127.0.0.1:{server.getsockname()[1]}").request("POST", "/links", b"x" * size)
        thread.join()
    assert answer.status == 400
    assert received[0].endswith(b"x" * 10), "the body began in the write of the head"


def test_a_wire_reads_until_the_server_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        wire = Wire(Service(f"http://127.0.0.1:{server.getsockname()[1]}"), "POST", "/links")
        result = wire.answer()
        thread.join()
    assert (result.status, result.body, result.ended) == (413, b"no", True)


def test_chunks_carry_the_body() -> None:
    assert chunked(b"abcde", 3) == [b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n"]


def test_eventually_returns_the_first_truth_or_the_last_value() -> None:
    values = iter([0, 0, 7])
    assert eventually(lambda: next(values), within=2, every=0.001) == 7
    assert eventually(lambda: 0, within=0.01, every=0.001) == 0
