"""Lab 4's service over real sockets: copies with names, one limit for all, a Redis that hangs, and SIGTERM."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from checks.eventually import eventually
from checks.unit.redis import running_redis
from checks.unit.service.running import running_service
from infra.project import ROOT
from shortener.lab4_many_copies.bounds import BOUNDS

URL = "https://example.com/a?b=c|d"
LAB4 = {"LAB": "4", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
FORWARDED = "X-Forwarded-For"


@pytest.fixture
def copies(events_url: str, redis_url: str) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Two copies that let each client make five links at once, and then one a second."""
    limit = {"RATE_LIMIT": "1", "RATE_BURST": "5", "DATABASE_URL": events_url, "REDIS_URL": redis_url}
    with (
        running_service(COPY="app-1", **limit, **LAB4) as (one, _),
        running_service(COPY="app-2", VERSION="1.2-b", **limit, **LAB4) as (other, _),
    ):
        yield one, other


def metric(client: httpx.Client, name: str) -> float:
    match = re.search(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    assert match, f"no {name} among the metrics"
    return float(match[1])


def test_each_answer_names_its_copy(copies: tuple[httpx.Client, httpx.Client]) -> None:
    for client, name in zip(copies, ("app-1 (version 1)", "app-2 (version 1.2-b)"), strict=True):
        link = client.post("/links", json={"url": URL}).json()
        answers = [
            client.get(f"/{link['id']}"),
            client.head(f"/{link['id']}"),
            client.get("/0000000"),
            client.put("/links"),
            client.post("/links", content=b"{", headers={"Content-Type": "application/json"}),
            *[client.get(path) for path in ("/healthz", "/readyz", "/metrics", f"/links/{link['id']}", "/stats/top")],
        ]
        assert [each.status_code for each in answers] == [302, 302, 404, 405, 400, 200, 200, 200, 200, 200]
        assert [each.headers.get_list("served-by") for each in answers] == [[name]] * len(answers)


def test_the_limit_is_one_for_all_copies_and_one_for_each_client(copies: tuple[httpx.Client, httpx.Client]) -> None:
    def make(client: httpx.Client, *forwarded: str, key: str = "") -> httpx.Response:
        headers = [*[(FORWARDED, each) for each in forwarded], *([("Idempotency-Key", key)] if key else [])]
        return client.post("/links", json={"url": URL}, headers=headers)

    start = time.monotonic()
    answers = [make(client, "203.0.113.8, 192.0.2.1", key="one") for client in copies * 10]
    gained = time.monotonic() - start  # one a second
    statuses = [answer.status_code for answer in answers]
    assert 5 <= statuses.count(201) <= 5 + gained + 1
    assert statuses.count(201) + statuses.count(429) == 20
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1  # a repeated key counts
    for answer in answers:
        assert answer.headers["ratelimit-policy"] == '"links";q=5;w=5'
        assert re.fullmatch(r'"links";r=[0-4];t=1', answer.headers["ratelimit"])
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "1"
    assert sum(metric(client, "rate_limited_total") for client in copies) == statuses.count(429)
    assert all(metric(client, 'http_request_seconds_count{route="/links",status="429"}') for client in copies)
    assert make(copies[0], "192.0.2.1", "192.0.2.2").status_code == 201  # another client


def test_only_new_links_are_limited(copies: tuple[httpx.Client, httpx.Client]) -> None:
    client, _ = copies
    made = client.post("/links", json={"url": URL})
    while client.post("/links", json={"url": URL}).status_code == 201:
        pass
    link_id = made.json()["id"]
    for _ in range(30):
        answers = [client.get(f"/{link_id}"), client.patch(f"/links/{link_id}", json={"url": URL})]
        answers += [client.get(path) for path in (f"/links/{link_id}", f"/links?url={URL}", "/stats/top")]
        assert {each.status_code for each in answers} == {200, 302}
        assert not any("ratelimit" in each.headers for each in answers)
    wrong = client.put("/links")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST")


def test_a_refused_body_leaves_the_connection_as_it_was(copies: tuple[httpx.Client, httpx.Client]) -> None:
    client, _ = copies
    for _ in range(12):
        big = client.post("/links", json={"url": f"{URL}{'x' * 15_000}"})
        assert big.status_code in (422, 429)
        assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("RATE_LIMIT", "0", "RATE_LIMIT is '0': set it to a whole number from 1 to 1,000,000."),
        ("RATE_LIMIT_WITHOUT_REDIS", "no", "RATE_LIMIT_WITHOUT_REDIS is 'no': set it to allow or refuse."),
        ("VERSION", "a b", "VERSION is 'a b': give it up to 40 letters, digits, dots, dashes, + or _."),
        ("REDIS_URL", "http://:geheim@a", "REDIS_URL is no address of a Redis, such as redis://:password@host:6379/0"),
    ],
)
def test_a_bad_variable_is_told_in_one_sentence(name: str, value: str, told: str) -> None:
    variables = {"PORT": "0", "BASE_URL": "http://a", "DATABASE_URL": "postgresql://a/b", "REDIS_URL": "redis://a"}
    done = subprocess.run(
        [sys.executable, "-m", "shortener"],
        cwd=ROOT,
        env=variables | LAB4 | {name: value},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (1, f"{told}\n")


@pytest.mark.parametrize(("decision", "made"), [("allow", 201), ("refuse", 503)])
def test_while_redis_hangs_redirects_are_answered_in_time(
    events_url: str, tmp_path: Path, decision: str, made: int
) -> None:
    with contextlib.ExitStack() as stack:
        redis_url, server = stack.enter_context(running_redis(tmp_path))
        variables = {"DATABASE_URL": events_url, "REDIS_URL": redis_url, "RATE_LIMIT_WITHOUT_REDIS": decision}
        client, _ = stack.enter_context(running_service(**variables, **LAB4))
        link_id = client.post("/links", json={"url": URL}).json()["id"]
        assert client.get(f"/{link_id}").status_code == 302
        server.pause()
        began, took = time.monotonic(), []
        for _ in range(200):
            start = time.monotonic()
            assert client.get(f"/{link_id}").headers["location"] == URL
            took.append(time.monotonic() - start)
        # No call may take longer, and the machine may be busy. Few are tried at all: the first ones, and one a second.
        assert max(took) < 2 * BOUNDS.try_seconds + BOUNDS.retry_seconds + 4
        looks = 200 - metric(client, 'cache_calls_rejected_total{why="breaker"}')
        assert looks <= BOUNDS.breaker_failures + (time.monotonic() - began) / BOUNDS.open_seconds + 1
        assert metric(client, 'cache_breaker_transitions_total{to="open"}') >= 1
        answer = client.post("/links", json={"url": URL})
        assert answer.status_code == made
        assert "ratelimit" not in answer.headers
        assert ("retry-after" in answer.headers) == (made == 503)
        server.send(signal.SIGCONT)
        assert eventually(lambda: client.get(f"/{link_id}") and metric(client, "cache_breaker_state") == 0, within=10)
        assert client.post("/links", json={"url": URL}).headers["ratelimit"]


def test_sigterm_cuts_nobody_off(events_url: str, redis_url: str) -> None:
    """Not even who was drained by no one: what has begun is answered, and then the service ends by itself."""
    body = b'{"url": "https://example.com"}'
    with running_service(DATABASE_URL=events_url, REDIS_URL=redis_url, **LAB4) as (client, service):
        port = client.base_url.port or 0
        with socket.create_connection(("127.0.0.1", port), timeout=10) as begun:
            begun.sendall(
                b"POST /links HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body)
            )
            assert client.get("/healthz").status_code == 200  # by now the other has arrived, too
            service.send_signal(signal.SIGTERM)

            def refuses() -> bool:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                except OSError:
                    return True
                return False

            assert eventually(refuses, within=5)
            begun.sendall(body)
            answer = b"".join(iter(lambda: begun.recv(65_536), b""))
            assert answer.startswith(b"HTTP/1.1 201 ")
            assert b"connection: close" in answer.lower()
        assert service.wait(10) == 0
