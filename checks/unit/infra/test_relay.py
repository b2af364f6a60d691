"""The relay carries bytes faithfully, and a link through it can be cut, slowed and healed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checks.unit.infra.helpers import free_port, soon
from infra import project as places
from infra.errors import LabError
from infra.project import Project
from infra.runtime.local.links import Link, Relay


class Echo:
    """A server that sends back what it gets, until it is closed."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.accepted: list[socket.socket] = []
        self.ended = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted.append(connection)
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            self.ended += 1

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.accepted:
            with contextlib.suppress(OSError):  # the other end may have left already
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    if server.listener.fileno() >= 0:
        server.close()


@pytest.fixture
def relay(lab_home: Path, echo: Echo) -> Iterator[Relay]:
    relay = Relay(Project("relayed", 2))
    (relay.project.folder / "logs").mkdir(parents=True)
    links = [Link("app", "db", 5432, free_port(), echo.port), Link("other", "db", 5432, free_port(), echo.port)]
    relay.write(links, free_port())
    relay.spawn(dict(os.environ))
    soon(relay.answers)
    yield relay
    relay.process.kill()


def dial(relay: Relay, number: int = 0, timeout: float = 5.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.links()[number].listen), timeout=timeout)


def send_all(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def ask(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(len(text))


def hears_nothing(connection: socket.socket) -> bool:
    connection.settimeout(0.2)
    try:
        connection.recv(1)
        return False
    except TimeoutError:
        return True
    finally:
        connection.settimeout(5.0)


def test_bytes_arrive_as_they_were_sent_both_ways(relay: Relay) -> None:
    sent = os.urandom(8_000_000)
    received = hashlib.sha256()
    with dial(relay) as connection:
        sender = threading.Thread(target=send_all, args=(connection, sent))
        sender.start()
        while data := connection.recv(65536):
            received.update(data)
        sender.join()
    assert received.digest() == hashlib.sha256(sent).digest()


def test_a_cut_link_swallows_everything_until_it_is_healed(relay: Relay) -> None:
    with dial(relay) as before, dial(relay, 1) as elsewhere:
        assert ask(before, b"one") == b"one"
        relay.set("app", "db", cut=True)
        before.sendall(b"two")
        with dial(relay) as during:
            during.sendall(b"three")
            assert hears_nothing(before)
            assert hears_nothing(during)
            assert ask(elsewhere, b"other links go on") == b"other links go on"
            relay.set("db", "app", cut=False)
            assert before.recv(3) == b"two"
            assert during.recv(5) == b"three"
            assert ask(before, b"four") == b"four"


def test_a_server_that_dies_behind_a_cut_is_not_heard_of(relay: Relay, echo: Echo) -> None:
    with dial(relay) as connection:
        assert ask(connection, b"one") == b"one"
        relay.set("app", "db", cut=True)
        echo.close()
        assert hears_nothing(connection)
        relay.set("app", "db", cut=False)
        assert closed(connection)


def test_a_slow_link_delays_each_direction(relay: Relay) -> None:
    with dial(relay) as connection:
        ask(connection, b"warm")
        relay.set("app", "db", delay=0.15)
        began = time.monotonic()
        assert ask(connection, b"slow") == b"slow"
        assert 0.3 <= time.monotonic() - began < 2.0
        sent = os.urandom(100_000)
        connection.sendall(sent)
        received = b""
        while len(received) < len(sent):
            received += connection.recv(65536)
        assert received == sent
        relay.set("app", "db", delay=0.0)
        began = time.monotonic()
        assert ask(connection, b"fast") == b"fast"
        assert time.monotonic() - began < 0.3


def test_a_dead_server_is_heard_at_once(relay: Relay, echo: Echo) -> None:
    with dial(relay) as connection:
        assert ask(connection, b"one") == b"one"
        echo.close()
        began = time.monotonic()
        assert closed(connection)
        with dial(relay) as late:
            assert closed(late)
        assert time.monotonic() - began < 2.0


def closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_client_that_leaves_is_told_to_the_server(relay: Relay, echo: Echo) -> None:
    with dial(relay) as connection:
        assert ask(connection, b"one") == b"one"
    soon(lambda: echo.ended == 1)


def test_only_links_that_exist_can_be_changed(relay: Relay) -> None:
    with pytest.raises(LabError, match=r"no link between app and other\. The links of this stage: app db, other db"):
        relay.set("app", "other", cut=True)


def test_a_relay_that_is_started_anew_keeps_the_condition(relay: Relay) -> None:
    relay.set("app", "db", cut=True)
    relay.process.kill()
    with pytest.raises(LabError, match="relay does not answer"):
        relay.change(relay.links())
    relay.spawn(dict(os.environ))
    soon(relay.answers)
    with dial(relay) as connection:
        connection.sendall(b"x")
        assert hears_nothing(connection)
    relay.change([replace(link, cut=False) for link in relay.links()])
    with dial(relay) as connection:
        assert ask(connection, b"x") == b"x"


def test_the_relay_listens_on_this_machine_alone(relay: Relay) -> None:
    assert places.LAB_HOME in relay.project.folder.parents
    (process,) = relay.process.members()
    listening = [connection.laddr for connection in process.net_connections("tcp") if connection.status == "LISTEN"]
    assert {address[0] for address in listening} == {"127.0.0.1"}
    assert len(listening) == 3
