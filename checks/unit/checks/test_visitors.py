"""The ledger of clicks: what was seen, what nobody knows, and that nothing is ever sent twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from checks.plugin.service import Service
from checks.plugin.visitors import Click, Ledger, Visitors, follow
from infra.experiment.keepalive import Connection


@contextmanager
def server(answer: bytes) -> Iterator[tuple[tuple[str, int], list[bytes]]]:
    """Answers each request with those bytes and hangs up; its address, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    request = connection.recv(1000)
                    if request:
                        asked.append(request)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname(), asked
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_click_without_an_answer_is_sent_once_and_its_end_is_unknown() -> None:
    with server(b"") as (address, asked), Connection(address) as connection:
        click = follow(connection, "abc")
    assert (click.seen, click.unknown, len(asked)) == (False, True, 1)


def test_where_nothing_listens_nothing_was_sent() -> None:
    with Connection(("127.0.0.1", 9)) as connection:
        click = follow(connection, "abc")
    assert (click.seen, click.unknown) == (False, False)


def test_visitors_enter_each_click_in_the_ledger() -> None:
    with server(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as (address, asked):
        service = Service(f"http://127.0.0.1:{address[1]}")
        with Visitors(service, ["a", "b"], users=2, rate=100) as visitors:
            visitors.click_for(0.3)
    assert visitors.ledger.seen == len(asked) == service.count > 5
    assert visitors.ledger.unknown == 0


def test_the_bounds_of_a_count() -> None:
    clicks = [
        Click("a", 0.0, 0.1, 302),
        Click("a", 0.2, 0.3, 302),
        Click("a", 0.4, 0.5, None),
        Click("a", 0.6, 0.7, None, sent=False),
        Click("b", 0.8, 0.9, 503),
    ]
    assert Ledger(clicks).bounds() == {"a": (2, 3)}
    assert Ledger(clicks).bounds(until=0.2) == {"a": (1, 3)}
