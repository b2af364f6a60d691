"""The contract of lab 1, row by row."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

from checks.eventually import eventually
from checks.lab1.problem import expect_problem
from checks.lab1.urls import KEPT, REFUSED
from checks.plugin.raw import RawAnswer, Wire, chunked
from checks.plugin.service import PATIENCE, Service
from checks.plugin.verdict import expect

BASE62 = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
RESERVED = {"healthz"}
JSON = {"Content-Type": "application/json"}
MOST = 16 * 1024  # bytes of a body


def check_create(service: Service) -> None:
    """POST /links answers 201 with the link, and Location is its short url"""
    did = "Created a link."
    url = "https://example.com/created?a=1"
    answer = service.post({"url": url})
    expect(answer.status == 201, did=did, expected="201", got=answer)
    link = answer.json()
    members = isinstance(link, dict) and {"id", "url", "short_url", "created_at"} <= link.keys()
    expect(members, did=did, expected="a JSON object with id, url, short_url and created_at", got=answer)
    expect(link["url"] == url, did=did, expected=f"`url` as it was given, {url}", got=answer)
    expect(
        isinstance(link["short_url"], str) and link["short_url"].endswith("/" + link["id"]),
        did=did,
        expected="`short_url`: BASE_URL, a slash and the id",
        got=answer,
    )
    expect(
        answer.headers.get("location") == link["short_url"],
        did=did,
        expected=f"a Location header that is the short_url, {link['short_url']}",
        got=answer,
    )
    expect(_is_time(link["created_at"]), did=did, expected="`created_at` as an ISO 8601 time", got=answer)


def check_url_kept(service: Service) -> None:
    """GET /{id} answers 302, and Location is the url byte for byte as given"""
    for url in KEPT:
        link = service.create(url)
        did = f"Created a link to {url[:100]} and followed it."
        answer = service.get("/" + link["id"])
        expect(answer.status == 302, did=did, expected="302", got=answer)
        expect(answer.headers.get("location") == url, did=did, expected=f"Location: {url[:100]}", got=answer)


def check_head(service: Service) -> None:
    """HEAD answers as GET does, without a body"""
    url = "https://example.com/head"
    link = service.create(url)
    wire = Wire(service, "HEAD", "/" + link["id"], curl=f"curl -i --head {service.base_url}/{link['id']}")
    wire.send(b"\r\n")
    answer = wire.answer()
    did = "Created a link and sent HEAD /{id}."
    expect(answer.status == 302, did=did, expected="302, as for GET", got=answer)
    headers = dict(line.split(": ", 1) for line in answer.head.splitlines()[1:] if ": " in line)
    location = {name.lower(): value for name, value in headers.items()}.get("location")
    expect(location == url, did=did, expected=f"Location: {url}", got=f"Location: {location}")
    expect(not answer.body, did=did, expected="no body", got=answer)
    expect_problem(service.request("HEAD", "/0000000"), 404, "Sent HEAD for an id that was never given.")


def check_not_found(service: Service) -> None:
    """An id that was never given is 404, as a problem document"""
    for path in ("/0000000", "/zzzzzzz", "/short", "/much-too-long-for-an-id", "/%00%ff", "/no/such/page"):
        expect_problem(service.get(path), 404, f"Sent GET {path}, which no link has.")


def check_healthz(service: Service) -> None:
    """GET /healthz is 200 while the process lives"""
    answer = service.get("/healthz")
    expect(answer.status == 200, did="Sent GET /healthz.", expected="200", got=answer)


def check_ids(service: Service) -> None:
    """Ids are 7 letters of base62, all different, not to be guessed, never a reserved path"""
    ids = [service.create(f"https://example.com/id/{number}")["id"] for number in range(300)]
    did = f"Created {len(ids)} links and looked at their ids."
    wrong = [i for i in ids if len(i) != 7 or not set(i) <= BASE62 or i in RESERVED]
    expect(not wrong, did=did, expected="7 letters of 0-9, A-Z, a-z", got=f"{wrong[:5]}")
    expect(len(set(ids)) == len(ids), did=did, expected="no id twice", got=f"{len(ids) - len(set(ids))} of them twice")
    for place in range(7):
        letter, times = Counter(i[place] for i in ids).most_common(1)[0]
        # A fair letter comes about 5 times in 300. 25 times by chance: less than once in 10 million runs.
        expect(
            times < 25,
            did=did,
            expected="ids from a cryptographic source: each letter of base62 about as often at each place",
            got=f"{letter!r} {times} times at place {place + 1}, as in {', '.join(ids[:4])}: ids that can be guessed",
        )


def check_urls_refused(service: Service) -> None:
    """A url that cannot be followed is 422, and the detail says what to do"""
    for url, reason in REFUSED:
        body = json.dumps({"url": url}).encode()  # ASCII: a lone surrogate travels as its \\u escape
        answer = service.request("POST", "/links", body, JSON)
        expect_problem(answer, 422, f"Created a link to {url[:60]!a} ({reason}).")
    for url, word in (("http://example.com/é", "percent"), ("http://bücher.example/", "punycode")):
        answer = service.post({"url": url})
        did, expected = f"Created a link to {url!a}.", f"a detail that names the way out: {word}"
        expect(word in str(answer.json().get("detail", "")).lower(), did=did, expected=expected, got=answer)


def check_methods(service: Service) -> None:
    """A method that a path does not know is 405"""
    link = service.create("https://example.com/methods")
    for method, path in (("PUT", "/links"), ("POST", "/" + link["id"]), ("DELETE", "/healthz")):
        body = b"{}" if method in ("PUT", "POST") else None
        expect_problem(service.request(method, path, body, JSON if body else None), 405, f"Sent {method} {path}.")


def check_bodies_refused(service: Service) -> None:
    """A body that is not JSON is 400, another Content-Type 415, a document without a url refused"""
    good = b'{"url": "https://example.com/"}'
    for body in (b"", b"{", b"url=https://example.com/", b'{"url": "\xff\xfe"}', good + b"x"):
        expect_problem(service.request("POST", "/links", body, JSON), 400, f"Sent POST /links with the body {body!r}.")
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = service.request("POST", "/links", good, {"Content-Type": kind})
        expect_problem(answer, 415, f"Sent POST /links as {kind}.")
    without_url: tuple[object, ...] = (
        {},
        {"url": None},
        {"url": 5},
        {"url": ["http://e.example/"]},
        [],
        "http://e",
        None,
    )
    for document in without_url:
        answer = service.post(document)
        expect_problem(answer, (400, 422), f"Sent POST /links with {json.dumps(document)}.")
    kept = service.request("POST", "/links", good, {"Content-Type": "application/json; charset=utf-8"})
    expect(kept.status == 201, did="Sent POST /links as application/json; charset=utf-8.", expected="201", got=kept)


def check_body_limit(service: Service) -> None:
    """A body over 16 KiB is 413, also in chunks without a length"""
    body = b'{"url": "https://example.com/limit"}'
    fits = service.request("POST", "/links", body.ljust(MOST), JSON)
    expect(fits.status == 201, did=f"Sent POST /links with {MOST} bytes.", expected="201: just within", got=fits)
    over = service.request("POST", "/links", body.ljust(MOST + 1), JSON)
    expect_problem(over, 413, f"Sent POST /links with {MOST + 1} bytes.")
    answers: list[RawAnswer] = []

    def sent() -> bool:
        answers.append(_in_chunks(service, body.ljust(8 * MOST)))
        return answers[-1].status != 429  # over the client's rate (lab 4): nothing is said of the body

    eventually(sent, within=PATIENCE, every=1.0)
    answer = answers[-1]
    # A server that stops reading may reset the connection before its answer is read: refused all the same.
    refused = answer.status == 413 or (answer.status is None and answer.ended)
    expect(refused, did=f"Sent POST /links with {8 * MOST} bytes in chunks.", expected="413", got=answer)


def _in_chunks(service: Service, body: bytes) -> RawAnswer:
    wire = Wire(service, "POST", "/links")
    wire.send(b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in chunked(body):
        if not wire.send(part):
            break
    return wire.answer()


def _is_time(text: object) -> bool:
    try:
        datetime.fromisoformat(str(text))
    except ValueError:
        return False
    return isinstance(text, str) and "T" in text.upper().replace(" ", "T")
