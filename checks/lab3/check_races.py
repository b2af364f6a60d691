"""A look-up that has read the old row while a link is changed. It holds the only Postgres that is read: lab 5, with
its replicas, has a check of its own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from checks.plugin.database import database
from checks.plugin.held_read import gate_closed, holdable_reads, wait_for_reader
from checks.plugin.link_reads import link_reads
from checks.plugin.redis_server import redis_server
from checks.plugin.service import Answer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect, inconclusive

RACES, ENOUGH = 6, 2  # fills that are raced, and how many races make a verdict
AFTERWARDS = 0.3  # seconds in which a late fill would show
GONE = 404


def check_change_races_fill(own_stand: Stand, note: Callable[[str], None]) -> None:
    """A look-up that began before a change and ends after it never puts the old url back into the cache"""
    service, marker = own_stand.service, f"raced-{secrets.token_hex(6)}"
    raced = 0
    with database(own_stand) as connection, redis_server(own_stand) as redis, ThreadPoolExecutor(1) as pool:
        names = link_reads(service, connection, redis).tables()
        if len(names) != 1:
            inconclusive(f"a look-up reads {len(names)} tables ({', '.join(names)}), and one can be held here")
        with holdable_reads(connection, names[0], marker):
            for number in range(RACES):
                link = service.create(f"https://example.com/{marker}/{number}")
                url = None if number % 3 == 2 else f"https://example.com/raced/{secrets.token_hex(6)}"
                redis.expire(redis.keys_of([link])[link["id"]])
                with gate_closed(connection):
                    filling = pool.submit(service.get, "/" + link["id"])
                    held = wait_for_reader(connection, within=2.0)
                    answer = service.delete(link["id"]) if url is None else service.patch(link["id"], {"url": url})
                    won = held and not filling.done()
                changed = answer.status in (200, 204)
                expect(changed, did="Changed a link while a look-up of it was under way.", expected="200", got=answer)
                raced += won
                _expect_never_old(service, link["id"], url, filling.result)
    note(f"{raced} look-ups had read the old row when the change was acknowledged")
    if raced < ENOUGH:
        inconclusive(f"of {RACES} look-ups only {raced} were still under way when the change was acknowledged")


def _expect_never_old(service: Service, link_id: str, url: str | None, filling: Callable[[], Answer]) -> None:
    done = "Deleted" if url is None else "Changed"
    did = f"{done} a link while a GET of it (a miss) had read the old row and was under way; then followed it."
    old = filling()  # whatever it says: it began before the change
    end = time.monotonic() + AFTERWARDS
    first = True
    while first or time.monotonic() < end:
        first = False
        answer = service.get("/" + link_id)
        right = answer.status == GONE if url is None else answer.headers.get("location") == url
        if not right:
            raise CheckFailed(
                did=did,
                expected=f"{url or GONE}: what was read before a change must not be cached after it",
                got=f"{answer} (the GET that was under way had got {old.status} {old.headers.get('location', '')})",
                request=answer.curl,
            )
