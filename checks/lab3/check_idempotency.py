"""POST /links with an Idempotency-Key: one link for one key, however often and whenever the request is sent again.

The checks send the key as the IETF draft (draft-ietf-httpapi-idempotency-key-header) writes it: a string in quotes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from checks.lab1.problem import expect_problem
from checks.lab3.idempotent import fresh_key, fresh_url, links_to, post_once
from checks.plugin.service import Answer, Service
from checks.plugin.verdict import CheckFailed, expect

AT_ONCE, ROUNDS = 20, 8
MEMBERS = ("id", "url", "short_url", "created_at")
BAD_KEYS = ('"never ended', 'a"b"c', "two words", '"one" "two"', "")


def check_idempotency_key(service: Service) -> None:
    """The same Idempotency-Key and url: the first answer again, and one link"""
    url, key = fresh_url(), fresh_key()
    first = post_once(service, url, key)
    did = "Sent POST /links twice with the same Idempotency-Key and url."
    expect(first.status == 201, did="Sent POST /links with an Idempotency-Key.", expected="201", got=first)
    again = post_once(service, url, key)
    expect(again.status == first.status, did=did, expected="201, as the first time", got=again)
    same = all(again.json().get(member) == first.json()[member] for member in MEMBERS)
    expect(same, did=did, expected=f"the first answer again: {first}", got=again)
    location = again.headers.get("location")
    expect(location == first.headers.get("location"), did=did, expected="the same Location", got=again)
    _expect_one(service, url, did)
    other_key, none = post_once(service, url, fresh_key()), service.post({"url": url})
    for answer, how in ((other_key, "another key"), (none, "no key")):
        made = answer.status == 201 and answer.json()["id"] != first.json()["id"]
        expect(made, did=f"Sent POST /links with the same url and {how}.", expected="201 and another link", got=answer)


def check_idempotency_refused(service: Service) -> None:
    """The same key and another url is 422, a malformed key 400, and neither makes a link"""
    url, other, key = fresh_url(), fresh_url(), fresh_key()
    first = post_once(service, url, key)
    expect(first.status == 201, did="Sent POST /links with an Idempotency-Key.", expected="201", got=first)
    expect_problem(
        post_once(service, other, key), 422, "Sent POST /links with the key of an earlier one and another url."
    )
    again = post_once(service, url, key)
    kept = again.status == 201 and again.json()["id"] == first.json()["id"]
    expect(kept, did="Then sent the first request again.", expected="its first answer", got=again)
    for bad in BAD_KEYS:
        did = f"Sent POST /links with the header Idempotency-Key: {bad or '(empty)'}."
        expect_problem(post_once(service, other, bad), 400, did)
    found = links_to(service, other)
    expect(not found, did="Searched for the url of the requests that were refused.", expected="no link", got=found)


def check_idempotency_at_once(service: Service, note: Callable[[str], None]) -> None:
    """The same key sent by many clients at the same time makes one link"""
    together = threading.Barrier(AT_ONCE)

    def post(url: str, key: str) -> Answer:
        together.wait(timeout=30)
        return post_once(service, url, key)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(ROUNDS):
            url, key = fresh_url(), fresh_key()
            answers = [future.result() for future in [pool.submit(post, url, key) for _ in range(AT_ONCE)]]
            did = f"{AT_ONCE} clients sent POST /links at the same time with one Idempotency-Key and url."
            for answer in answers:
                expect(answer.status == 201, did=did, expected="201 for each of them", got=answer)
            ids = sorted({answer.json()["id"] for answer in answers})
            got = f"{len(ids)} different ids, such as {', '.join(ids[:3])}"
            expect(len(ids) == 1, did=did, expected="the same answer, with one id, for all", got=got)
            _expect_one(service, url, did)
    note(f"{ROUNDS} rounds of {AT_ONCE}")


def _expect_one(service: Service, url: str, did: str) -> None:
    found = links_to(service, url)
    if len(found) != 1:
        got = f"{len(found)} links: {', '.join(found)}"
        curl = f"curl -i {service.base_url}/links?url={quote(url, safe='')}"
        raise CheckFailed(did=did, expected="one link to that url", got=got, request=curl)
