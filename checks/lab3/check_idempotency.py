"""POST /links with an Idempotency-Key: one link for one key, however often and whenever the request is sent again.

The checks send the key as the IETF draft (draft-ietf-httpapi-idempotency-key-header) writes it: a string in quotes."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import quote

from checks.eventually import eventually
from checks.lab1.problem import expect_problem
from checks.plugin.service import Answer, NoAnswer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect, inconclusive

AT_ONCE, ROUNDS = 20, 8
CLIENTS, BEFORE_KILL, KILLS = 8, 60, 2  # clients that write; their POSTs before each kill of the service; kills
BACK = 10.0  # seconds until the service answers again after it was started
MEMBERS = ("id", "url", "short_url", "created_at")
BAD_KEYS = ('"never ended', 'a"b"c', "two words", '"one" "two"', "")


def check_idempotency_key(service: Service) -> None:
    """The same Idempotency-Key and url: the first answer again, and one link"""
    url, key = _url(), _key()
    first = _post(service, url, key)
    did = "Sent POST /links twice with the same Idempotency-Key and url."
    expect(first.status == 201, did="Sent POST /links with an Idempotency-Key.", expected="201", got=first)
    again = _post(service, url, key)
    expect(again.status == first.status, did=did, expected="201, as the first time", got=again)
    same = all(again.json().get(member) == first.json()[member] for member in MEMBERS)
    expect(same, did=did, expected=f"the first answer again: {first}", got=again)
    location = again.headers.get("location")
    expect(location == first.headers.get("location"), did=did, expected="the same Location", got=again)
    _expect_one(service, url, did)
    other_key, none = _post(service, url, _key()), service.post({"url": url})
    for answer, how in ((other_key, "another key"), (none, "no key")):
        made = answer.status == 201 and answer.json()["id"] != first.json()["id"]
        expect(made, did=f"Sent POST /links with the same url and {how}.", expected="201 and another link", got=answer)


def check_idempotency_refused(service: Service) -> None:
    """The same key and another url is 422, a malformed key 400, and neither makes a link"""
    url, other, key = _url(), _url(), _key()
    first = _post(service, url, key)
    expect(first.status == 201, did="Sent POST /links with an Idempotency-Key.", expected="201", got=first)
    expect_problem(_post(service, other, key), 422, "Sent POST /links with the key of an earlier one and another url.")
    again = _post(service, url, key)
    kept = again.status == 201 and again.json()["id"] == first.json()["id"]
    expect(kept, did="Then sent the first request again.", expected="its first answer", got=again)
    for bad in BAD_KEYS:
        did = f"Sent POST /links with the header Idempotency-Key: {bad or '(empty)'}."
        expect_problem(_post(service, other, bad), 400, did)
    found = _links_to(service, other)
    expect(not found, did="Searched for the url of the requests that were refused.", expected="no link", got=found)


def check_idempotency_at_once(service: Service, note: Callable[[str], None]) -> None:
    """The same key sent by many clients at the same time makes one link"""
    together = threading.Barrier(AT_ONCE)

    def post(url: str, key: str) -> Answer:
        together.wait(timeout=30)
        return _post(service, url, key)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(ROUNDS):
            url, key = _url(), _key()
            answers = [future.result() for future in [pool.submit(post, url, key) for _ in range(AT_ONCE)]]
            did = f"{AT_ONCE} clients sent POST /links at the same time with one Idempotency-Key and url."
            for answer in answers:
                expect(answer.status == 201, did=did, expected="201 for each of them", got=answer)
            ids = sorted({answer.json()["id"] for answer in answers})
            got = f"{len(ids)} different ids, such as {', '.join(ids[:3])}"
            expect(len(ids) == 1, did=did, expected="the same answer, with one id, for all", got=got)
            _expect_one(service, url, did)
    note(f"{ROUNDS} rounds of {AT_ONCE}")


@dataclass
class Written:
    """What some clients POSTed: each url with its key, and the id that was acknowledged for it (None: none was)."""

    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str | None] = field(default_factory=dict)

    @property
    def uncertain(self) -> list[str]:
        """The urls whose POST got no answer: nobody knows whether it was applied."""
        return [url for url, link_id in self.ids.items() if link_id is None]


def check_idempotency_kill(own_stand: Stand, note: Callable[[str], None]) -> None:
    """A POST whose service was killed (kill -9) is sent again with its key: one link"""
    service, runtime = own_stand.service, own_stand.runtime
    written = Written()
    did = f"Killed the service (kill -9) {KILLS} times under POSTs with an Idempotency-Key, then sent each again."
    for _ in range(KILLS):
        _write_until_killed(service, written, lambda: runtime.kill("app"))
        runtime.start("app")
        eventually(lambda: _answers(service), within=BACK)
    known = len(written.ids) - len(written.uncertain)
    if not known or not written.uncertain:
        inconclusive(f"{known} POSTs were acknowledged and {len(written.uncertain)} cut off: both are needed")
    note(f"{known} POSTs acknowledged, {len(written.uncertain)} cut off by the kill")
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda url: _post(service, url, written.keys[url]), written.keys))
        listed = list(pool.map(lambda url: _links_to(service, url), written.keys))
    for (url, first), answer, found in zip(written.ids.items(), answers, listed, strict=True):
        expect(answer.status == 201, did=did, expected="201", got=answer)
        now = answer.json()["id"]
        expected = f"the link that was acknowledged, {first}"
        expect(first in (None, now), did=did, expected=expected, got=answer)
        got = f"{len(found)} links to {url}: {', '.join(found)}"
        expect(found == [now], did=did, expected="one link for each key", got=got)


def _write_until_killed(service: Service, written: Written, kill: Callable[[], None]) -> None:
    """Clients POST until the service is gone; the kill comes after some answers."""
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            url, key = _url(), _key()
            try:
                answer = _post(service, url, key)
            except NoAnswer as error:
                ended.set()
                if error.kind != "refused":
                    written.keys[url], written.ids[url] = key, None
                continue
            made = answer.status == 201
            expect(made, did="Sent POST /links with an Idempotency-Key.", expected="201", got=answer)
            written.keys[url], written.ids[url] = key, answer.json()["id"]

    enough = len(written.ids) + BEFORE_KILL
    with ThreadPoolExecutor(CLIENTS) as pool:
        writers = [pool.submit(write) for _ in range(CLIENTS)]
        try:
            eventually(lambda: len(written.ids) >= enough or ended.is_set(), within=10, every=0.005)
            kill()
        finally:
            eventually(ended.is_set, within=5)
            ended.set()
        for writer in writers:
            writer.result()


def _answers(service: Service) -> bool:
    try:
        return service.get("/readyz").status == 200
    except NoAnswer:
        return False


def _post(service: Service, url: str, key: str) -> Answer:
    return service.post({"url": url}, {"Idempotency-Key": key})


def _links_to(service: Service, url: str) -> list[str]:
    answer = service.get(f"/links?url={quote(url, safe='')}&limit=50")
    expect(answer.status == 200, did="Searched for a url.", expected="200", got=answer)
    return [str(item["id"]) for item in answer.json()["items"]]


def _expect_one(service: Service, url: str, did: str) -> None:
    found = _links_to(service, url)
    if len(found) != 1:
        got = f"{len(found)} links: {', '.join(found)}"
        curl = f"curl -i {service.base_url}/links?url={quote(url, safe='')}"
        raise CheckFailed(did=did, expected="one link to that url", got=got, request=curl)


def _url() -> str:
    return f"https://example.com/once/{secrets.token_hex(10)}"


def _key() -> str:
    return f'"{secrets.token_hex(12)}"'
