"""Lab 3's service over real sockets: links that change, keys, clicks, the top list; and Redis or Postgres gone."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import schemathesis
from hypothesis import given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from checks.eventually import eventually
from checks.unit.postgres import running_postgres
from checks.unit.redis import PASSWORD, running_redis
from checks.unit.service.running import running_service
from infra.project import ROOT
from shortener.lab2_postgres.migrate import migrate
from shortener.lab3_cache_and_events.keys import TOP
from shortener.lab3_cache_and_events.migrate import VERSIONS

OLD, NEW = "https://example.com/old?a=b|c", "https://example.com/new"
NOBODY = "0000000"
JSON = {"Content-Type": "application/json"}
NO_KAFKA = {"LAB": "3", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
KEY = "Idempotency-Key"


@pytest.fixture
def client(events_url: str, redis_url: str) -> Iterator[httpx.Client]:
    with running_service(DATABASE_URL=events_url, REDIS_URL=redis_url, **NO_KAFKA) as (client, _):
        yield client


def made(client: httpx.Client, url: str = OLD) -> str:
    link_id: str = client.post("/links", json={"url": url}).raise_for_status().json()["id"]
    return link_id


def is_problem(answer: httpx.Response, status: int) -> bool:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return bool(answer.json()["detail"])


def test_a_link_is_made_followed_changed_shown_and_removed(client: httpx.Client) -> None:
    answer = client.post("/links", json={"url": OLD})
    link = answer.json()
    assert answer.status_code == 201
    assert set(link) == {"id", "url", "short_url", "created_at"}
    assert answer.headers["location"] == link["short_url"]
    redirect = client.get(f"/{link['id']}")
    assert (redirect.status_code, redirect.headers["location"]) == (302, OLD)
    assert redirect.headers["cache-control"] == "private, max-age=0"
    assert client.get(f"/links/{link['id']}").json() == {**link, "clicks": 0}
    changed = client.patch(f"/links/{link['id']}", json={"url": NEW})
    assert (changed.status_code, changed.json()) == (200, {**link, "url": NEW, "clicks": 0})
    assert client.get(f"/{link['id']}").headers["location"] == NEW
    assert client.get("/links", params={"url": OLD}).json()["items"] == []
    removed = client.delete(f"/links/{link['id']}")
    assert (removed.status_code, removed.content) == (204, b"")
    for answer in (client.delete(f"/links/{link['id']}"), client.get(f"/{link['id']}")):
        assert is_problem(answer, 404)
    assert is_problem(client.get(f"/links/{link['id']}"), 404)
    assert is_problem(client.patch(f"/links/{link['id']}", json={"url": NEW}), 404)
    assert client.get("/readyz").status_code == 200


def test_every_copy_follows_a_change_at_once(client: httpx.Client, events_url: str, redis_url: str) -> None:
    with running_service(DATABASE_URL=events_url, REDIS_URL=redis_url, **NO_KAFKA) as (other, _):
        link_id = made(client)
        for number in range(50):
            here, there = (client, other) if number % 2 else (other, client)
            assert here.get(f"/{link_id}").status_code == 302
            here.patch(f"/links/{link_id}", json={"url": f"{NEW}{number}"}).raise_for_status()
            for each in (there, here):
                assert each.get(f"/{link_id}").headers["location"] == f"{NEW}{number}"
        client.delete(f"/links/{link_id}").raise_for_status()
        assert [each.get(f"/{link_id}").status_code for each in (other, client)] == [404, 404]


BODIES = {
    400: (b"", b"{", b"\xff\xfe", b"[" * 16_000),
    422: (
        b"{}",
        b"null",
        b"7",
        b'{"url": null}',
        b'{"url": "x"}',
        b'{"url": "http://a/\\ud800"}',
        b'{"url": "http:///"}',
    ),
    413: (b" " * 16_385,),
}


def test_a_bad_change_is_a_problem_told_and_changes_nothing(client: httpx.Client) -> None:
    link_id = made(client)
    for status, bodies in BODIES.items():
        for body in bodies:
            assert is_problem(client.patch(f"/links/{link_id}", content=body, headers=JSON), status), body
    assert is_problem(client.patch(f"/links/{link_id}", content=b'{"url": "http://a"}'), 415)
    for path in ("/links/healthz", "/links/abc", "/links/%00%00%00%00%00%00%00", "/links/aaaaaaa/", f"/links/{NOBODY}"):
        assert is_problem(client.delete(path), 404)
        assert is_problem(client.patch(path, json={"url": NEW}), 404)
    wrong = client.post(f"/links/{link_id}", json={"url": NEW})
    assert is_problem(wrong, 405)
    assert wrong.headers["allow"] == "DELETE, GET, HEAD, PATCH"
    assert is_problem(client.delete(f"/{link_id}"), 405)
    assert client.get(f"/{link_id}").headers["location"] == OLD


def test_the_same_key_gets_the_first_answer_again(client: httpx.Client) -> None:
    first = client.post("/links", json={"url": OLD}, headers={KEY: '"a key"'})
    again = client.post("/links", content=b'{ "url":"%s"}' % OLD.encode(), headers={KEY: '"a key"', **JSON})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert is_problem(client.post("/links", json={"url": NEW}, headers={KEY: '"a key"'}), 422)
    assert len(client.get("/links", params={"url": OLD}).json()["items"]) == 1
    assert client.post("/links", json={"url": OLD}).json()["id"] != first.json()["id"]


def test_a_key_is_not_used_up_by_a_request_that_was_refused(client: httpx.Client) -> None:
    headers = {KEY: "a-key"}
    assert is_problem(client.post("/links", json={"url": "nonsense"}, headers=headers), 422)
    assert client.post("/links", json={"url": OLD}, headers=headers).status_code == 201


def test_requests_with_one_key_at_once_are_one_link(client: httpx.Client) -> None:
    def post(_: int) -> httpx.Response:
        return httpx.post(f"{client.base_url}/links", json={"url": OLD}, headers={KEY: '"once"'})

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(post, range(24)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("key", ["", '""', '"', "a b", '"a', "a,b", "ü", "x" * 300])
def test_a_bad_key_is_400(client: httpx.Client, key: str) -> None:
    headers = [(KEY.encode(), key.encode())]
    assert is_problem(client.post("/links", json={"url": OLD}, headers=headers), 400)


def test_two_keys_are_none(client: httpx.Client) -> None:
    headers = [(KEY, '"a"'), (KEY, '"b"')]
    assert is_problem(client.post("/links", json={"url": OLD}, headers=headers), 400)


def test_the_most_clicked_links_that_are_still_there(client: httpx.Client, redis_url: str) -> None:
    assert client.get("/stats/top").json() == {"items": []}
    ids = [made(client, f"{OLD}{number}") for number in range(15)]
    scores = {link_id: 10 * number for number, link_id in enumerate(ids)}
    with redis.Redis.from_url(redis_url) as beside:
        beside.zadd(TOP, {**scores, **{f"gone{number:03}": 1_000 for number in range(450)}})
    client.delete(f"/links/{ids[14]}").raise_for_status()
    expected = [{"id": ids[n], "url": f"{OLD}{n}", "clicks": 10 * n} for n in range(13, -1, -1)]
    answer = client.get("/stats/top")
    assert (answer.status_code, answer.json().get("items")) == (200, expected[:10]), answer.text
    assert client.get("/stats/top?limit=1").json()["items"] == expected[:1]
    assert client.get("/stats/top?limit=100").json()["items"] == expected
    for limit in ("0", "101", "x", ""):
        assert is_problem(client.get("/stats/top", params={"limit": limit}), 422)


ROUTES = [
    ("POST", "/links"),
    ("GET", "/links/{id}"),
    ("PATCH", "/links/{id}"),
    ("DELETE", "/links/{id}"),
    ("GET", "/stats/top"),
]


def test_generated_requests_meet_what_the_service_says_of_itself(client: httpx.Client) -> None:
    description = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")
    for method, path in ROUTES:

        @settings(max_examples=40, deadline=None)
        @given(description[path][method].as_strategy())
        def conforms(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        conforms()


def test_the_cache_is_seen_in_the_metrics(client: httpx.Client) -> None:
    link_id = made(client)
    for _ in range(3):
        client.get(f"/{link_id}")
    counted = dict(re.findall(r'cache_lookups_total\{outcome="(\w+)"\} (\S+)', client.get("/metrics").text))
    assert counted == {"hit": "2.0", "miss": "1.0", "error": "0.0"}


def test_without_redis_it_redirects_and_makes_links_but_changes_none(events_url: str, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        redis_url, server = stack.enter_context(running_redis(tmp_path))
        variables = {"DATABASE_URL": events_url, "REDIS_URL": redis_url, **NO_KAFKA}
        client, _ = stack.enter_context(running_service(**variables))
        link_id = made(client)
        assert client.get(f"/{link_id}").status_code == 302
        for breaking in (server.pause, server.kill):
            breaking()
            for _ in range(20):
                start = time.monotonic()
                assert client.get(f"/{link_id}").headers["location"] == OLD
                assert time.monotonic() - start < 1
            assert client.get(f"/{made(client)}").status_code == 302
            assert client.get("/readyz").status_code == 200
            refused = [client.patch(f"/links/{link_id}", json={"url": NEW}), client.delete(f"/links/{link_id}")]
            for answer in (*refused, client.get("/stats/top")):
                assert is_problem(answer, 503)
                assert int(answer.headers["retry-after"]) >= 1
                assert PASSWORD not in answer.json()["detail"].split()
            assert client.get(f"/links/{link_id}").json()["url"] == OLD
            if breaking == server.pause:
                server.send(signal.SIGCONT)
                assert eventually(lambda: client.get("/stats/top").status_code == 200, within=5)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[tuple[str, Any]]:
    with running_postgres(tmp_path / "postgres", "-cfsync=off") as (url, server):
        migrate(url, versions=VERSIONS)
        yield url, server


def test_every_request_ends_in_time_with_both_servers_hanging(own_postgres: tuple[str, Any], tmp_path: Path) -> None:
    (database_url, postgres), body = own_postgres, {"url": NEW}
    with contextlib.ExitStack() as stack:
        redis_url, server = stack.enter_context(running_redis(tmp_path / "redis"))
        client, _ = stack.enter_context(running_service(DATABASE_URL=database_url, REDIS_URL=redis_url, **NO_KAFKA))
        warm, other, cold = made(client), made(client), [made(client) for _ in range(30)]
        client.get(f"/{warm}")
        requests = [
            ("POST", "/links", {}),
            ("POST", "/links", {KEY: '"a"'}),
            ("PATCH", f"/links/{other}", {}),
            ("DELETE", f"/links/{other}", {}),
            *[
                ("GET", path, {})
                for path in (f"/{warm}", f"/links/{warm}", "/stats/top", "/readyz", f"/links?url={NEW}")
            ],
            *[("GET", f"/{link_id}", {}) for link_id in cold],
        ]

        def ask(request: tuple[str, str, dict[str, str]]) -> httpx.Response:
            method, path, headers = request
            content = {"json": body} if method in ("POST", "PATCH") else {}
            return httpx.request(method, f"{client.base_url}{path}", headers=headers, timeout=5, **content)  # type: ignore[arg-type]

        for pausing in ((postgres,), (postgres, server), (server,)):
            for each in pausing:
                each.pause()
            with ThreadPoolExecutor(40) as threads:
                answers = list(threads.map(ask, requests))
            assert {answer.status_code for answer in answers} <= {200, 201, 302, 503}
            if pausing == (postgres,):
                assert answers[4].status_code == 302  # the cache has it
            if postgres in pausing:
                assert {answer.status_code for answer in answers[9:]} == {503}
            for each in pausing:
                each.send(signal.SIGCONT)
            assert eventually(lambda: client.get(f"/{made(client)}").status_code == 302, within=5)


def test_a_url_that_is_none_of_redis_is_told_without_the_password() -> None:
    variables = {"PORT": "0", "BASE_URL": "http://a", "DATABASE_URL": "postgresql://a/b", "PATH": ""}
    for url in ("http://:geheim@a/", "redis://:geheim:x@a:b/0"):
        done = subprocess.run(
            [sys.executable, "-m", "shortener"],
            cwd=ROOT,
            env=variables | NO_KAFKA | {"REDIS_URL": url},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert done.returncode == 1
        assert "REDIS_URL" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "geheim" not in done.stderr
