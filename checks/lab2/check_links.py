"""The contract of lab 2: one link, the links to a url, page by page."""

from __future__ import annotations

import threading
import uuid
from urllib.parse import quote

from checks.lab1.problem import expect_problem
from checks.plugin.service import Answer, Service
from checks.plugin.verdict import expect


def check_link_by_id(service: Service) -> None:
    """GET /links/{id} answers 200 and the link"""
    link = service.create("https://example.com/one?a=b%20c")
    answer = service.get("/links/" + link["id"])
    did = "Created a link and asked for it at /links/{id}."
    expect(answer.status == 200, did=did, expected="200", got=answer)
    shown = answer.json()
    for name in ("id", "url", "short_url"):
        same = isinstance(shown, dict) and shown.get(name) == link[name]
        expect(same, did=did, expected=f"`{name}` as POST answered it: {link[name]}", got=answer)
    expect("created_at" in shown, did=did, expected="`created_at`", got=answer)
    for unknown in ("0000000", "nothing-of-the-kind", "%00"):
        expect_problem(service.get("/links/" + unknown), 404, f"Asked for /links/{unknown}, which does not exist.")


def check_search(service: Service) -> None:
    """GET /links?url= lists the links to that url alone, newest first"""
    url, other = _fresh_url(), _fresh_url()
    ids = [service.create(url)["id"] for _ in range(5)]
    service.create(other)
    did = "Created 5 links to one url and 1 to another, and searched for the first url."
    answer = _page(service, url, 50)
    found = [item.get("id") for item in answer.json()["items"]]
    expect(sorted(found) == sorted(ids), did=did, expected=f"these 5 links: {ids}", got=answer)
    expect(found == ids[::-1], did=did, expected=f"the newest first: {ids[::-1]}", got=answer)
    items = answer.json()["items"]
    whole = all(item["url"] == url and item.get("short_url") and item.get("created_at") for item in items)
    expect(whole, did=did, expected="each item with id, url, short_url and created_at", got=answer)
    expect(not answer.json()["next"], did=did, expected="`next` null on the last page", got=answer)
    none = _page(service, _fresh_url(), 50)
    expect(none.json()["items"] == [], did="Searched for a url without links.", expected="no items", got=none)


def check_pages(service: Service) -> None:
    """Page by page no link comes twice and none is left out, while others write"""
    url = _fresh_url()
    ids = [service.create(url)["id"] for _ in range(40)]
    ended = threading.Event()
    written: list[str] = []

    def write() -> None:
        while not ended.is_set() and len(written) < 400:
            written.append(service.create(url)["id"])

    writing = threading.Thread(target=write)
    writing.start()
    try:
        seen, times = _walk(service, url)
    finally:
        ended.set()
        writing.join()
    did = f"Read 40 links to one url page by page while {len(written)} more were being created."
    twice = sorted({i for i in seen if seen.count(i) > 1})
    expect(not twice, did=did, expected="no link twice", got=f"{len(twice)} links twice, such as {twice[:1]}")
    missing = [i for i in ids if i not in seen]
    expect(not missing, did=did, expected="every link that was there", got=f"{len(missing)} left out: {missing[:3]}")
    expect(times == sorted(times, reverse=True), did=did, expected="newest first, over all pages", got=f"{times[:5]}…")


def check_search_refused(service: Service) -> None:
    """A bad limit or cursor is 422"""
    url = quote(_fresh_url(), safe="")
    for text in ("-1", "abc", "1.5"):
        expect_problem(service.get(f"/links?url={url}&limit={text}"), 422, f"Searched with limit={text}.")
    for text in ("garbage", "%00", "AAAA", "x" * 400, "%ff%fe"):
        expect_problem(service.get(f"/links?url={url}&cursor={text}"), 422, f"Searched with cursor={text[:20]}.")
    for query in ("", f"?url={url}&limit=99999999999999999999", "?url=%00", "?url="):
        answer = service.get("/links" + query)
        expect(answer.status < 500, did=f"Asked for /links{query}.", expected="an answer below 500", got=answer)


def _fresh_url() -> str:
    return f"https://example.com/search?for={uuid.uuid4().hex}&and=a%2Fb"


def _page(service: Service, url: str, limit: int, cursor: str | None = None) -> Answer:
    more = f"&cursor={quote(cursor, safe='')}" if cursor is not None else ""
    answer = service.get(f"/links?url={quote(url, safe='')}&limit={limit}{more}")
    document = answer.json() if answer.status == 200 else None
    fits = isinstance(document, dict) and isinstance(document.get("items"), list) and "next" in document
    expect(fits, did="Asked for the links to a url.", expected='200 {"items": […], "next": …}', got=answer)
    return answer


def _walk(service: Service, url: str) -> tuple[list[str], list[str]]:
    """Every id, and every created_at, from the first page to the last."""
    seen: list[str] = []
    times: list[str] = []
    cursor: str | None = None
    for _ in range(200):
        answer = _page(service, url, 4, cursor)
        page = answer.json()
        expect(len(page["items"]) <= 4, did="Asked for a page with limit=4.", expected="at most 4 items", got=answer)
        seen += [item["id"] for item in page["items"]]
        times += [item["created_at"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            return seen, times
    did = "Followed `next` from page to page."
    expect(False, did=did, expected="an end, after 40 links and those written meanwhile", got="no end after 200 pages")
    raise AssertionError
