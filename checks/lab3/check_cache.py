"""The cache: most redirects come from Redis, what lies there expires, and a miss costs the database one query.

What the checks read: Redis' own counters (INFO stats), its keys (one holds a link when its name contains the link's id,
or its value the url), and pg_stat_statements. A link is a miss once the check has let those keys expire."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from statistics import median
from typing import Any

from checks.eventually import eventually
from checks.plugin.database import Connection, database, locked
from checks.plugin.link_reads import LinkReads, link_reads
from checks.plugin.redis_server import RedisServer, redis_server
from checks.plugin.service import Answer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive
from infra.experiment.load.zipf import Zipf

LINKS, FOLLOWED, CLIENTS = 60, 3000, 8
HIT_RATE = 0.9
SAMPLE = 30  # links whose keys are looked at
SPREAD = 0.01  # of the time to live: what jitter adds at least
HERD, EXPIRIES, HELD = 40, 3, 0.25  # clients at once; so often; seconds that the query of the miss takes
ABOUT_ONE = 5  # queries, where a herd sends HERD
UNKNOWN, FILLED = 100, 3.0  # GETs of an id that nobody has; seconds to see a link in Redis


def check_hit_rate(own_stand: Stand, note: Callable[[str], None]) -> None:
    """At least 90 % of Redis' look-ups find something when links are followed as on the web (Zipf's law)"""
    service = own_stand.service
    links = [service.create(f"https://example.com/hit/{number}") for number in range(LINKS)]
    zipf = Zipf(LINKS, random=Random(3))
    drawn = [links[zipf.draw()] for _ in range(FOLLOWED)]
    did = f"{CLIENTS} clients followed {LINKS} links {FOLLOWED} times by Zipf's law; read INFO stats before and after."
    with redis_server(own_stand) as redis:
        before = redis.lookups()
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(lambda link: (link, service.get("/" + link["id"])), drawn))
        lookups = redis.lookups() - before
    for link, answer in answers:
        _expect_redirect(answer, link, did)
    note(f"{lookups.hits} hits, {lookups.misses} misses: {lookups.share:.1%}")
    expect(lookups.all, did=did, expected="that redirects look into Redis", got="not one key was looked up there")
    rate = f"keyspace_hits at least {HIT_RATE:.0%} of keyspace_hits + keyspace_misses"
    got = f"{lookups.hits} hits and {lookups.misses} misses: {lookups.share:.1%}"
    expect(lookups.share >= HIT_RATE, did=did, expected=rate, got=got)


def check_cache_ttl(own_stand: Stand, note: Callable[[str], None]) -> None:
    """Each link in Redis expires, and not all of them at the same age"""
    service = own_stand.service
    links = [service.create(f"https://example.com/expires/{number}") for number in range(SAMPLE)]
    nobody = {"id": _unknown_id(), "url": "none"}
    did = (
        f"Followed {SAMPLE} links and an id that nobody has, then asked Redis for the PTTL of the keys that hold them."
    )
    with redis_server(own_stand) as redis:
        filled = [_filled(service, redis, link) for link in links]
        service.get("/" + nobody["id"])
        keys = redis.keys_of([*links, nobody])
        names = [name for held in keys.values() for name in held]
        left, now = redis.seconds_left(names), time.monotonic()
    expect(any(keys[link["id"]] for link in links), did=did, expected="keys that hold them", got=_no_keys())
    endless = [name.decode("utf-8", "replace") for name, seconds in left.items() if seconds is None]
    got = f"{len(endless)} of {len(left)} keys never expire, such as {endless[:1]}"
    expect(not endless, did=did, expected="a time to live on each of them (SET key value PX …)", got=got)
    bounds = [
        (now + seconds - end, now + seconds - start)  # of the time to live that it was given
        for link, (start, end) in zip(links, filled, strict=True)
        for seconds in [left.get(name) for name in keys[link["id"]]]
        if seconds is not None
    ]
    if len(bounds) < SAMPLE / 2:
        inconclusive(f"of {SAMPLE} links only {len(bounds)} were still in Redis when their times to live were read")
    usual = median(low for low, _ in bounds)
    spread = max(low for low, _ in bounds) - min(high for _, high in bounds)
    note(f"{len(bounds)} keys live about {usual:.1f} s, {max(0.0, spread):.2f} s apart at least")
    expect(
        spread > SPREAD * usual,
        did=did,
        expected="times to live that differ (jitter): what was cached together must not expire together",
        got=f"each of {len(bounds)} keys was given about {usual:.2f} s",
    )


def check_hot_key(own_stand: Stand, note: Callable[[str], None]) -> None:
    """A hot link that expires under many clients costs the database about one query, not a herd"""
    service = own_stand.service
    did = f"Let a link's key expire and followed it from {HERD} clients at once, while the query took {HELD:g} s."
    with database(own_stand) as connection, redis_server(own_stand) as redis, ThreadPoolExecutor(HERD) as pool:
        reads = link_reads(service, connection, redis)
        link = service.create(f"https://example.com/hot/{secrets.token_hex(8)}")
        queries = [_expire_under(pool, service, connection, redis, reads, link, did) for _ in range(EXPIRIES)]
    note(f"queries for each of {EXPIRIES} expired keys: {', '.join(map(str, queries))}")
    got = f"{', '.join(map(str, queries))} queries in {EXPIRIES} rounds of {HERD} GETs"
    expected = f"about one query each time, at most {ABOUT_ONE}: one fills the cache, the others wait for it"
    expect(median(queries) <= ABOUT_ONE, did=did, expected=expected, got=got)


def check_unknown_id(own_stand: Stand, note: Callable[[str], None]) -> None:
    """An id that nobody has costs the database about one query, however often it is asked for"""
    service, path = own_stand.service, "/" + _unknown_id()
    did = f"Sent GET {path}, an id that was never given, {UNKNOWN} times one after the other."
    with database(own_stand) as connection, redis_server(own_stand) as redis:
        reads = link_reads(service, connection, redis)
        before = reads.count()
        for _ in range(UNKNOWN):
            answer = service.get(path)
            expect(answer.status == 404, did=did, expected="404 each time", got=answer)
        queries = reads.count() - before
    note(f"{queries} queries for {UNKNOWN} GETs")
    expected = (
        f"about one query, at most {ABOUT_ONE}: that nobody has the id is kept for a few seconds (a negative entry)"
    )
    expect(queries <= ABOUT_ONE, did=did, expected=expected, got=f"{queries} queries for {UNKNOWN} GETs")


def _expire_under(
    pool: ThreadPoolExecutor,
    service: Service,
    connection: Connection,
    redis: RedisServer,
    reads: LinkReads,
    link: dict[str, Any],
    did: str,
) -> int:
    """Queries of one expired key. The table is locked meanwhile, so that everybody comes before the answer does."""
    _filled(service, redis, link)
    before = reads.count()
    with locked(connection, reads.tables()):
        redis.expire(redis.keys_of([link])[link["id"]])
        sent = service.count + HERD
        pending = [pool.submit(service.get, "/" + link["id"]) for _ in range(HERD)]
        eventually(lambda: service.count >= sent, within=HELD, every=0.005)
        time.sleep(HELD)  # the query is under way for so long
    for answer in [future.result() for future in pending]:
        _expect_redirect(answer, link, did)
    return reads.count() - before


def _filled(service: Service, redis: RedisServer, link: dict[str, Any]) -> tuple[float, float]:
    """Follow a link until Redis holds it: when that began, and when the key was seen."""
    start = time.monotonic()

    def follow() -> bool:
        _expect_redirect(service.get("/" + link["id"]), link, "Followed a link.")
        return bool(redis.keys_of([link])[link["id"]])

    expected = "a key in Redis that holds it: its name contains the id, or its value the url"
    did = f"Followed a link ({link['id']}) for {FILLED:g} s."
    expect(eventually(follow, within=FILLED), did=did, expected=expected, got=_no_keys())
    return start, time.monotonic()


def _no_keys() -> str:
    return "no such key. Does a GET fill the cache?"


def _expect_redirect(answer: Answer, link: dict[str, Any], did: str) -> None:
    right = answer.status == 302 and answer.headers.get("location") == link["url"]
    expect(right, did=did, expected=f"302 to {link['url']}", got=answer)


def _unknown_id() -> str:
    """Seven letters that no link has: one of 3.5e12."""
    return "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(7))
