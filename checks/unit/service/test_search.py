"""Lab 2's service over real sockets: one link, the pages of a url, readiness, and a database that is gone."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from checks.unit.service.running import running_service
from shortener.lab1_file.links import ID
from shortener.lab2_postgres.search import position

URL = "https://example.com/?a=b&c=%20"


@pytest.fixture
def client(database_url: str) -> Iterator[httpx.Client]:
    with running_service(LAB="2", DATABASE_URL=database_url) as (client, _):
        yield client


def test_a_link_is_made_followed_shown_and_listed(client: httpx.Client) -> None:
    made = [client.post("/links", json={"url": URL}).json() for _ in range(5)]
    assert client.get(f"/{made[0]['id']}").headers["location"] == URL
    assert client.get(f"/links/{made[0]['id']}").json() == made[0]
    assert client.get("/links/0000000").status_code == 404
    assert client.get("/readyz").status_code == 200
    listed: list[dict[str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/links", params={"url": URL, "limit": 2, **cursor}).json()
        listed += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert listed == made[::-1]
    assert client.get("/links", params={"url": "https://example.com/none"}).json() == {"items": [], "next": None}


CURSORS = ("", "x", "garbage", "%00", "ü", "eA==", "MjAyNi0wMS0wMSBoZWFsdGh6")
BAD = (
    {},
    {"url": "nonsense"},
    {"url": "https://example.com/\x00"},
    *[{"url": URL, "limit": limit} for limit in ("0", "-1", "101", "x", "", "1.5", "9" * 30)],
    *[{"url": URL, "cursor": cursor} for cursor in CURSORS],
)


def test_a_bad_query_is_422(client: httpx.Client) -> None:
    for query in BAD:
        answer = client.get("/links", params=query)
        assert answer.status_code == 422, query
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_methods_of_all_routes_of_a_path_are_told(client: httpx.Client) -> None:
    answer = client.delete("/links")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


@given(st.text() | st.from_regex(r"[A-Za-z0-9_=-]+", fullmatch=True))
def test_any_text_is_a_bad_cursor_or_a_position(text: str) -> None:
    with contextlib.suppress(ValueError):
        created_at, link_id = position(text)
        assert re.fullmatch(ID, link_id), created_at


@pytest.mark.parametrize(("method", "path"), [("GET", "/links"), ("GET", "/links/{id}"), ("POST", "/links")])
def test_generated_requests_meet_what_the_service_says_of_itself(client: httpx.Client, method: str, path: str) -> None:
    description = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")

    @settings(max_examples=40, deadline=None)
    @given(description[path][method].as_strategy())
    def conforms(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    conforms()


def test_without_a_database_it_lives_and_says_that_it_is_not_ready() -> None:
    with running_service(LAB="2", DATABASE_URL="postgresql://lab:lab@127.0.0.1:1/links") as (client, _):
        assert client.get("/healthz").status_code == 200
        post = client.post("/links", json={"url": URL})
        for answer in (client.get("/readyz"), client.get("/0000000"), client.get("/links", params={"url": URL}), post):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.headers["content-type"] == "application/problem+json"


def test_it_serves_again_as_soon_as_the_database_does(client: httpx.Client, database_url: str) -> None:
    link = client.post("/links", json={"url": URL}).json()
    server, name = database_url.rsplit("/", 1)
    with psycopg.connect(f"{server}/links", autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        deadline = time.monotonic() + 5
        while client.get(f"/{link['id']}").status_code != 503:
            assert time.monotonic() < deadline
        assert client.get("/readyz").status_code == 503
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert client.get(f"/{link['id']}").headers["location"] == URL
    assert client.post("/links", json={"url": URL}).status_code == 201
