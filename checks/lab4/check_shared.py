"""What one copy is told, every copy knows: a client's next request may come to any of them. Lab 4."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from checks.lab3.idempotent import fresh_key, fresh_url, links_to, post_once
from checks.plugin.copies import every_copy, names
from checks.plugin.database import database, locked, tables
from checks.plugin.service import Answer, NoAnswer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect, inconclusive

CLIENTS, PACE = 8, 0.15  # who write, and seconds between two links of one of them: together below the limit
WRITTEN = 0.4  # seconds of POSTs before each kill
HELD = 0.3  # seconds that the table is locked before it: what waits there will be done, and nobody will hear of it
KILLS = 2
SENT = 40  # times that one POST is sent at most
BREATH = 0.1  # seconds before it is sent again


def check_copies_agree(stand: Stand) -> None:
    """A link that one copy made is followed, changed, deleted and known by its key at every other one at once"""
    copies = every_copy(stand)
    for name, maker in copies.items():
        others = {other: service for other, service in copies.items() if other != name}
        url, key = fresh_url(), fresh_key()
        made = post_once(maker, url, key)
        expect(made.status == 201, did=f"Created a link at {name}.", expected="201", got=made)
        link_id = str(made.json()["id"])
        for other, service in others.items():
            _expect_leads(service, link_id, url, f"Created a link at {name} and followed it at {other}.")
            again = post_once(service, url, key)
            same = again.status == 201 and again.json().get("id") == link_id
            did = f"Sent the same POST with the same Idempotency-Key to {name} and then to {other}."
            expect(same, did=did, expected=f"201 and the one link, {link_id}", got=again)
            found = links_to(service, url)
            did = f"Created a link at {name} and searched for its url at {other}."
            expect(found == [link_id], did=did, expected=f"the one link, {link_id}", got=found)
        _expect_changes_everywhere(copies, name, link_id)


def _expect_changes_everywhere(copies: dict[str, Service], name: str, link_id: str) -> None:
    url = fresh_url()
    answer = copies[name].patch(link_id, {"url": url})
    expect(answer.status == 200, did=f"Changed a link at {name}.", expected="200", got=answer)
    for other, service in copies.items():
        _expect_leads(service, link_id, url, f"Changed a link at {name} and followed it at {other}.")
    answer = copies[name].delete(link_id)
    expect(answer.status == 204, did=f"Deleted a link at {name}.", expected="204", got=answer)
    for other, service in copies.items():
        gone = service.get(f"/{link_id}")
        did = f"Deleted a link at {name} and followed it at {other}."
        expect(gone.status == 404, did=did, expected="404 at once: copies share what they know", got=gone)


def _expect_leads(service: Service, link_id: str, url: str, did: str) -> None:
    answer = service.get(f"/{link_id}")
    right = answer.status == 302 and answer.headers.get("location") == url
    expect(right, did=did, expected=f"302 to {url} at once: copies share what they know", got=answer)


@dataclass
class Order:
    """A POST that was sent until it was acknowledged: how often, and with which link."""

    url: str
    key: str
    sent: int = 0
    link_id: str = ""


def check_posts_repeated(stand: Stand, note: Callable[[str], None]) -> None:
    """Each POST that a killed copy left unanswered makes one link when it is sent again with its key"""
    did = f"Killed (kill -9) {KILLS} copies, one after the other, under POSTs; sent again what failed, with its key."
    orders: list[Order] = []
    ended = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        writers = [pool.submit(_write, stand.service, orders, ended) for _ in range(CLIENTS)]
        try:
            for name in names(stand)[:KILLS]:
                ended.wait(WRITTEN)
                _kill_unheard(stand, name)
                stand.runtime.heal()
                stand.runtime.admit(name)
        finally:
            ended.set()
        for writer in writers:
            writer.result()
        listed = list(pool.map(lambda order: links_to(stand.service, order.url), orders))
    repeated = [order for order in orders if order.sent > 1]
    for order, found in zip(orders, listed, strict=True):
        if found != [order.link_id]:
            got = f"{len(found)} links for a POST that was sent {order.sent} times: {', '.join(found)}"
            raise CheckFailed(did=did, expected=f"one link for each key, {order.link_id}", got=got)
    note(f"{len(orders)} links, of which {len(repeated)} were sent again")
    if not repeated:
        inconclusive(f"of {len(orders)} POSTs not one was cut off by a kill")


def _kill_unheard(stand: Stand, name: str) -> None:
    """Kill that copy while Postgres holds its POSTs back: then these are applied, and are answered to nobody."""
    with database(stand) as connection, locked(connection, tables(connection)):
        time.sleep(HELD)  # nothing tells that they have come
        stand.runtime.kill(name)


def _write(service: Service, orders: list[Order], ended: threading.Event) -> None:
    """Make one link after the other."""
    while not ended.is_set():
        order = Order(fresh_url(), fresh_key())
        orders.append(order)
        last: Answer | NoAnswer | None = None
        while not order.link_id:
            if order.sent == SENT:
                got = last.got if isinstance(last, NoAnswer) else str(last)
                did = f"Sent one POST with its key {SENT} times."
                raise CheckFailed(did=did, expected="201, as other copies live", got=got)
            order.sent += 1
            last = _sent(service, order)
            if isinstance(last, NoAnswer) or last.status in (429, 500, 502, 503, 504):
                time.sleep(BREATH)
                continue
            expect(last.status == 201, did="Sent POST /links with an Idempotency-Key.", expected="201", got=last)
            order.link_id = str(last.json()["id"])
        ended.wait(PACE)


def _sent(service: Service, order: Order) -> Answer | NoAnswer:
    try:
        return post_once(service, order.url, order.key)
    except NoAnswer as error:
        return error
