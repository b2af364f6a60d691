"""Lab 1's service over real sockets: its answers, its errors, its bounds, its start and its end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from checks.unit.service.running import running_service
from infra.project import ROOT
from shortener.lab1_file.file_store import read_links

URL = "https://example.com/~a?b=%20%C3%BC|c"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running_service(LAB="1", LINKS_FILE=str(tmp_path_factory.mktemp("lab1") / "links.json")) as (client, _):
        yield client


def is_problem(answer: httpx.Response, status: int) -> bool:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    return bool(problem["status"] == status and problem["title"] and problem["detail"])


def test_a_link_is_made_and_followed(client: httpx.Client) -> None:
    answer = client.post("/links", json={"url": URL})
    link = answer.json()
    assert answer.status_code == 201
    assert set(link) == {"id", "url", "short_url", "created_at"}
    assert link["url"] == URL
    assert answer.headers["location"] == link["short_url"] == f"{client.base_url}/{link['id']}"
    for method in ("GET", "HEAD"):
        answer = client.request(method, f"/{link['id']}")
        assert (answer.status_code, answer.headers["location"], answer.content) == (302, URL, b"")


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json"])
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert get.content


BODIES = {
    400: (b"", b"{", b"{'url': 1}", b"\xff\xfe", b"\xef\xbb\xbf{}x", b"[" * 16_000, b'{"url": ' + b"9" * 5000),
    422: (
        b"{}",
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b'{"url": null}',
        b'{"url": ["https://example.com/"]}',
        b'{"url": "x"}',
        b'{"url": "http://a/\\ud800"}',
    ),
    413: (b" " * 16_385, b'{"url": "' + b"a" * 100_000 + b'"}'),
}


@pytest.mark.parametrize(("status", "body"), [(status, body) for status, bodies in BODIES.items() for body in bodies])
def test_a_bad_body_is_a_problem_told(client: httpx.Client, status: int, body: bytes) -> None:
    assert is_problem(client.post("/links", content=body, headers=JSON), status)


@pytest.mark.parametrize("url", ["ftp://example.com", "https://exa mple.com/", "http://ü/"])
def test_a_bad_url_is_told_what_is_wrong_with_it(client: httpx.Client, url: str) -> None:
    answer = client.post("/links", content=json.dumps({"url": url}), headers=JSON)
    assert is_problem(answer, 422)
    assert answer.json()["detail"].startswith("url: a url ")


def test_a_chunked_body_has_the_same_limit(client: httpx.Client) -> None:
    assert is_problem(client.post("/links", content=iter([b"x" * 1000] * 17), headers=JSON), 413)
    assert client.post("/links", content=iter([b'{"url": ', b'"http://a"}']), headers=JSON).status_code == 201


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "not a type"}])
def test_only_json_is_taken(client: httpx.Client, headers: dict[str, str]) -> None:
    assert is_problem(client.post("/links", content=b'{"url": "http://a"}', headers=headers), 415)


@pytest.mark.parametrize("path", ["/", "/nothing", "/abcdefg", "/links/", "/links/abcdefg", "/%00%00%00%00%00%00%00"])
def test_what_is_not_there_is_not_found(client: httpx.Client, path: str) -> None:
    assert is_problem(client.get(path), 404)


ALLOWED = (("/links", "POST"), ("/abcdefg", "GET, HEAD"), ("/healthz", "GET, HEAD"))


@pytest.mark.parametrize(("path", "allowed"), ALLOWED)
def test_a_wrong_method_is_told_the_right_ones(client: httpx.Client, path: str, allowed: str) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"} - set(allowed.split(", ")):
        answer = client.request(method, path)
        assert is_problem(answer, 405)
        assert answer.headers["allow"] == allowed


def test_a_body_that_never_comes_is_not_waited_for(client: httpx.Client) -> None:
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=10) as peer:
        peer.sendall(b"POST /links HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
        answer = b"".join(iter(lambda: peer.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - start < 5


def test_a_caller_who_leaves_in_the_middle_of_a_body_does_no_harm(client: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as peer:
        peer.sendall(b"POST /links HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
    assert client.get("/healthz").status_code == 200


def test_metrics_count_by_route_and_status(client: httpx.Client) -> None:
    def count() -> float:
        wanted = 'http_request_seconds_count{route="/{id}",status="404"} '
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))

    before = count()
    for link_id in ("0000001", "0000002"):
        client.get(f"/{link_id}")
    assert count() == before + 2


@pytest.mark.parametrize(("method", "path"), [("POST", "/links"), ("GET", "/{id}"), ("GET", "/healthz")])
def test_generated_requests_meet_what_the_service_says_of_itself(client: httpx.Client, method: str, path: str) -> None:
    description = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")

    @settings(max_examples=40, deadline=None)
    @given(description[path][method].as_strategy())
    def conforms(case: schemathesis.Case[Any]) -> None:
        # Not every text that the description lets pass is a url: which are is said in words only.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    conforms()


def test_sigterm_lets_a_request_end_and_exits_0(tmp_path: Path) -> None:
    file = tmp_path / "links.json"
    with running_service(LAB="1", LINKS_FILE=str(file)) as (client, service):
        with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=10) as peer:
            body = b'{"url": "https://example.com/last"}'
            head = b"POST /links HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            peer.sendall(head % len(body) + body[:10])
            time.sleep(0.1)
            service.terminate()
            time.sleep(0.3)
            peer.sendall(body[10:])
            answer = b"".join(iter(lambda: peer.recv(65_536), b""))
        assert service.wait(10) == 0
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert [link.url for link in read_links(file)] == ["https://example.com/last"]


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    file = tmp_path / "links.json"
    acknowledged: list[str] = []
    with running_service(LAB="1", LINKS_FILE=str(file)) as (client, service):

        def write() -> None:
            with httpx.Client(base_url=client.base_url) as own:
                while True:
                    try:
                        acknowledged.append(own.post("/links", json={"url": "https://example.com/"}).json()["id"])
                    except httpx.TransportError:
                        return

        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + 10
        while len(acknowledged) < 50:
            assert time.monotonic() < deadline
        service.kill()
        for writer in writers:
            writer.join()
    assert set(acknowledged) <= {link.id for link in read_links(file)}


def start_and_fail(**variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("LAB", "PORT", "BASE_URL", "LINKS_FILE")}
    words = [sys.executable, "-m", "shortener"]
    return subprocess.run(
        words, cwd=ROOT, env=kept | variables, capture_output=True, text=True, check=False, timeout=20
    )


@pytest.mark.parametrize("variables", [{}, {"LAB": "9"}, {"LAB": "1"}, {"LAB": "2"}, {"LAB": "3"}])
def test_a_missing_variable_is_named_in_one_sentence(variables: dict[str, str]) -> None:
    done = start_and_fail(**variables)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "is not set" in done.stderr


def test_a_corrupt_file_is_named_in_one_sentence(links_file: Path) -> None:
    links_file.write_text("{")
    done = start_and_fail(LAB="1", PORT="0", BASE_URL="http://a", LINKS_FILE=str(links_file))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"{links_file} is not a file of links" in done.stderr
