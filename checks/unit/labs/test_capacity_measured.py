"""What `lab capacity --measure` finds: rates of a service, and what a link takes in real servers."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from checks.eventually import eventually
from checks.unit.labs.turning_copies import turning_copies
from checks.unit.redis import PASSWORD, running_redis
from infra.errors import LabError
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies import new_links
from labs.lab4_many_copies.answers import answers
from labs.lab4_many_copies.capacity import measure as measuring
from labs.lab4_many_copies.capacity import stored

GET = b"GET /id0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Stage:
    """One box, at that address, with these variables."""

    def __init__(self, name: str, address: tuple[str, int], environment: Mapping[str, str] | None = None) -> None:
        self.name, self.aliases, self.names = name, (), (name,)
        self.environment = dict(environment or {})
        self._address = address

    @property
    def stage(self) -> Stage:
        return self

    @property
    def boxes(self) -> list[Stage]:
        return [self]

    everyone = boxes

    def box(self, _: str) -> Stage:
        return self

    def address(self, _: str) -> tuple[str, int]:
        return self._address


def found_answer(address: tuple[str, int]) -> bytes:
    """The bytes of one answer, read the plain way."""
    with socket.create_connection(address) as connection:
        connection.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def runtime(stage: Stage) -> Runtime:
    return cast("Runtime", stage)


def test_answers_are_counted_and_their_bytes_too() -> None:
    with turning_copies("app-1") as server:
        found = answers(server.address, lambda: GET, 302, seconds=0.3, connections=4)
        assert 0 < found.a_second <= len(found.bodies) / 0.3
        assert found.size == len(found_answer(server.address))
        with pytest.raises(LabError, match=r"answered HTTP/1.1 302 Found, not 200"):
            answers(server.address, lambda: GET, 200, seconds=0.1, connections=4)


def test_nobody_to_answer_is_a_sentence() -> None:
    with pytest.raises(LabError, match="stopped answering while it was measured"):
        answers(("127.0.0.1", 1), lambda: GET, 302, seconds=0.1, connections=1)


def test_each_new_link_is_another_and_from_another_client() -> None:
    with turning_copies("app-1") as server:
        made = new_links.make(server.address, seconds=0.2, url_size=60, connections=2)
    assert made.ids
    assert len(set(server.urls)) == len(server.urls)
    assert {len(url) for url in server.urls} == {60}
    assert len(server.clients) > len(server.urls) / 2
    assert None not in server.clients


def test_a_stage_with_nothing_but_the_service_is_measured_as_far_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_SECONDS", 0.2)
    monkeypatch.setattr(measuring, "_WARM_UP", 0.1)
    with turning_copies("app") as server:
        found = measuring.measure(runtime(Stage("app", server.address)), 1, lambda _: None)
    assert found.rates.keys() == {"writes", "redirects", "answer"}
    assert found.made > 0
    assert 100 < found.rates["answer"].value < 300  # status, headers and Location, of which the url is not counted
    assert re.fullmatch(r"measured on lab 1( \(busy\))?, \d{4}-\d\d-\d\d", found.rates["writes"].source)
    assert found.missing == [f"{box}: lab 1 has no {box}" for box in ("postgres", "redis", "kafka")]


def test_room_in_postgres_for_a_link_and_for_each_byte_of_its_url(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_ROWS", 4_000)
    address = urlsplit(database)
    variables = {"POSTGRES_USER": address.username or "", "POSTGRES_PASSWORD": address.password or ""}
    stage = Stage(
        "postgres",
        (address.hostname or "", address.port or 0),
        variables | {"POSTGRES_DB": address.path.strip("/")},
    )
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE links (id text PRIMARY KEY, url text NOT NULL, at timestamptz DEFAULT now())")
        bare, copies = stored.row_bytes(runtime(stage))
        assert 60 < bare < 150
        assert 0.9 < copies < 1.2  # the url is in the row alone
        connection.execute("CREATE INDEX ON links (url)")
        indexed, copies = stored.row_bytes(runtime(stage))
        assert indexed > bare
        assert 2 < copies < 4  # and in an index, a third of which is room for more
        left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'lab_capacity%'"
        assert eventually(lambda: connection.execute(left).fetchone() == (0,), within=10)
        connection.execute("ALTER TABLE links ADD owner text NOT NULL")
        with pytest.raises(LabError, match="no table like `links` could be filled"):
            stored.row_bytes(runtime(stage))


def test_room_in_redis_for_a_link(tmp_path: Path) -> None:
    with running_redis(tmp_path) as (url, _):
        address = urlsplit(url)
        stage = runtime(Stage("redis", ("127.0.0.1", address.port or 0), {"REDIS_PASSWORD": PASSWORD}))
        with redis.Redis.from_url(url) as client:
            client.set("l:abcdefg", "u" * 100, px=60_000)
        assert 20 < stored.entry_bytes(stage, "abcdefg", 100) < 200
        with pytest.raises(LabError, match="no key in Redis names a link"):
            stored.entry_bytes(stage, "unknown", 100)
