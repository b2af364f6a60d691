"""The service is killed (kill -9) under POSTs with a key: no link is made twice, none lost that was acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from checks.eventually import eventually
from checks.lab3.idempotent import fresh_key, fresh_url, links_to, post_once
from checks.plugin.service import NoAnswer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive

CLIENTS, BEFORE_KILL, KILLS = 8, 60, 2  # clients that write; their POSTs before each kill of the service; kills
BACK = 10.0  # seconds until the service answers again after it was started


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
        answers = list(pool.map(lambda url: post_once(service, url, written.keys[url]), written.keys))
        listed = list(pool.map(lambda url: links_to(service, url), written.keys))
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
            url, key = fresh_url(), fresh_key()
            try:
                answer = post_once(service, url, key)
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
