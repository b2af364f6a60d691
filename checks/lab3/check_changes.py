"""PATCH and DELETE of a link: the redirect follows at once, whoever is reading and whatever lies in the cache."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from checks.lab1.problem import expect_problem
from checks.lab1.urls import KEPT, REFUSED
from checks.plugin.service import JSON, Answer, Service
from checks.plugin.verdict import expect

READERS, HAMMERED, CHANGES = 6, 4, 8  # clients that follow the link; links; changes of each
NOBODY = "0000000"
GONE = 404


def check_redirect_headers(service: Service) -> None:
    """A redirect says Cache-Control: private, max-age=0, so that no browser or proxy keeps it"""
    link = service.create("https://example.com/kept-by-nobody")
    for method in ("GET", "HEAD"):
        answer = service.request(method, "/" + link["id"])
        did = f"Created a link and sent {method} /{{id}}."
        expect(answer.status == 302, did=did, expected="302", got=answer)
        said = answer.headers.get("cache-control", "")
        directives = {part.strip().lower() for part in said.split(",") if part.strip()}
        expected = "the header Cache-Control: private, max-age=0"
        got = f"Cache-Control: {said}" if said else "no Cache-Control header: browsers may keep the redirect"
        expect(directives == {"private", "max-age=0"}, did=did, expected=expected, got=got)


def check_patch(service: Service) -> None:
    """PATCH /links/{id} answers 200 and the link, which then leads to the new url everywhere"""
    link = service.create(_url("before"))
    fresh = service.get("/links/" + link["id"])
    clicks = fresh.json().get("clicks") if fresh.status == 200 and isinstance(fresh.json(), dict) else None
    expected = "200 and the link with `clicks`: 0"
    expect(clicks == 0, did="Created a link and asked for it at /links/{id}.", expected=expected, got=fresh)
    for url in (_url("after"), *KEPT[:5], _url("in-the-end")):
        did = f"Changed a link: PATCH /links/{{id}} to {url[:80]}."
        answer = service.patch(link["id"], {"url": url})
        expect(answer.status == 200, did=did, expected="200", got=answer)
        wanted = {"id": link["id"], "url": url, "short_url": link["short_url"]}
        shown = answer.json()
        same = isinstance(shown, dict) and wanted.items() <= shown.items() and "created_at" in shown
        expect(same, did=did, expected=f"the link as it is now: {json.dumps(wanted)[:200]}", got=answer)
        _expect_leads(service, link["id"], url, did)
        shown = service.get("/links/" + link["id"])
        now = shown.status == 200 and shown.json().get("url") == url
        expect(now, did=did, expected="the new url at GET /links/{id}", got=shown)
    _expect_listed(service, link["id"], url, [link["url"]], "Changed a link.")


def check_patch_refused(service: Service) -> None:
    """A bad PATCH is refused as a bad POST is, and changes nothing"""
    link = service.create(_url("unchanged"))
    path = "/links/" + link["id"]
    good = json.dumps({"url": _url("changed")}).encode()
    for body in (b"", b"{", b"url=https://example.com/", good + b"x"):
        expect_problem(service.request("PATCH", path, body, JSON), 400, f"Sent PATCH {path} with the body {body!r}.")
    plain = service.request("PATCH", path, good, {"Content-Type": "text/plain"})
    expect_problem(plain, 415, f"Sent PATCH {path} as text/plain.")
    expect_problem(
        service.request("PATCH", path, good.ljust(16 * 1024 + 1), JSON), 413, f"Sent PATCH {path} with 16,385 bytes."
    )
    documents: tuple[object, ...] = ({}, {"url": None}, {"url": 5}, [], None)
    for document in documents:
        expect_problem(service.patch(link["id"], document), (400, 422), f"Sent PATCH {path}: {json.dumps(document)}.")
    for url, reason in REFUSED[::3]:
        expect_problem(service.patch(link["id"], {"url": url}), 422, f"Changed a link to {url[:60]!a} ({reason}).")
    expect_problem(service.patch(NOBODY, {"url": _url("x")}), 404, f"Sent PATCH /links/{NOBODY}, which no link has.")
    _expect_leads(service, link["id"], link["url"], "Sent PATCH requests that were refused.")


def check_delete(service: Service) -> None:
    """DELETE /links/{id} answers 204, and the link is gone everywhere"""
    link = service.create(_url("deleted"))
    path = "/links/" + link["id"]
    _expect_leads(service, link["id"], link["url"], "Created a link.")
    did = "Deleted a link."
    answer = service.delete(link["id"])
    expect(answer.status == 204 and not answer.body, did=did, expected="204 without a body", got=answer)
    expect_problem(service.get("/" + link["id"]), GONE, f"{did} Followed it.")
    expect_problem(service.get(path), GONE, f"{did} Asked for it at /links/{{id}}.")
    expect_problem(service.patch(link["id"], {"url": _url("x")}), GONE, f"{did} Changed it.")
    again = service.delete(link["id"])
    expect(again.status in (204, GONE), did=f"{did} Deleted it again.", expected="404 (or 204 again)", got=again)
    expect_problem(service.get("/" + link["id"]), GONE, f"{did} Changed and deleted it again, then followed it.")
    _expect_listed(service, link["id"], None, [link["url"]], did)
    answer = service.delete(NOBODY)
    expect(answer.status in (204, GONE), did=f"Deleted {NOBODY}, which no link has.", expected="404", got=answer)


@dataclass(frozen=True)
class Seen:
    """One redirect that a reader saw."""

    start: float
    answer: Answer

    @property
    def where(self) -> str:
        return self.answer.headers.get("location", str(self.answer.status))


def check_change_at_once(service: Service, note: Callable[[str], None]) -> None:
    """Once a PATCH or a DELETE is answered every redirect follows it, many times, under readers"""
    total = 0
    for _ in range(HAMMERED):
        link = service.create(_url("0"))
        changes, seen = _change_under_readers(service, link)
        total += len(seen)
        for one in seen:
            known = [where for end, where in changes if end <= one.start]
            later = [where for end, where in changes[len(known) - 1 :]]
            expect(
                one.where in later,
                did=f"Changed a link {CHANGES} times and deleted it while {READERS} clients followed it.",
                expected=f"{later[0]}, as it was acknowledged {one.start - changes[len(known) - 1][0]:.3f} s before"
                " that GET began, or what came after",
                got=one.answer,
                next="A change takes the link out of the cache before it is acknowledged. See `lab hint 3`.",
            )
    note(f"{total} redirects beside {HAMMERED * (CHANGES + 1)} changes")


def _change_under_readers(service: Service, link: dict[str, Any]) -> tuple[list[tuple[float, str]], list[Seen]]:
    """When each change was acknowledged, with what follows it (a url or 404); and what the readers saw."""
    changes = [(0.0, str(link["url"]))]
    seen: list[Seen] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            start = time.monotonic()
            seen.append(Seen(start, service.get("/" + link["id"])))

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read) for _ in range(READERS)]
        try:
            for number in range(1, CHANGES + 2):
                url = _url(str(number)) if number <= CHANGES else None
                answer = service.delete(link["id"]) if url is None else service.patch(link["id"], {"url": url})
                did = f"{'Deleted' if url is None else 'Changed'} a link that {READERS} clients follow."
                expect(answer.status == (204 if url is None else 200), did=did, expected="that it is done", got=answer)
                changes.append((time.monotonic(), url or str(GONE)))
                start = time.monotonic()
                seen.append(Seen(start, service.get("/" + link["id"])))
                ended.wait(0.03)  # the readers fill the cache anew
        finally:
            ended.set()
        for reader in readers:
            reader.result()
    return changes, seen


def _expect_leads(service: Service, link_id: str, url: str, did: str) -> None:
    answer = service.get("/" + link_id)
    right = answer.status == 302 and answer.headers.get("location") == url
    expect(right, did=f"{did} Then followed it.", expected=f"302 to {url[:100]} at once", got=answer)


def _expect_listed(service: Service, link_id: str, url: str | None, not_at: list[str], did: str) -> None:
    """The link is among those to `url`, and not among those to any other."""
    for searched, wanted in [(url, True)] * (url is not None) + [(other, False) for other in not_at]:
        answer = service.get(f"/links?url={quote(searched or '', safe='')}&limit=100")
        expect(answer.status == 200, did="Searched for a url.", expected="200", got=answer)
        listed = link_id in [item["id"] for item in answer.json()["items"]]
        words = f"the link {'listed' if wanted else 'listed no more'} at GET /links?url={searched}"
        expect(listed == wanted, did=did, expected=words, got=answer)


def _url(word: str) -> str:
    return f"https://example.com/changes/{secrets.token_hex(6)}/{word}"
