"""Redis dies, hangs or is out of reach: redirects and new links go on, no request hangs, nothing stale comes back."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from checks.eventually import eventually
from checks.plugin.database import database, locked
from checks.plugin.link_reads import link_reads
from checks.plugin.redis_server import redis_server
from checks.plugin.service import Answer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect

LINKS, CLIENTS, SECONDS = 24, 6, 2.5  # links that are followed; by so many clients; so long
CHANGED = 8  # of them
RECOVERY = 10.0  # seconds after Redis is back, until redirects come from there again
CROWD, FEW = 60, 6  # GETs at once of so many links
HELD = 0.3  # seconds that the database takes for a query meanwhile
MOST = CROWD // 2  # queries


def check_redis_down(own_stand: Stand, note: Callable[[str], None]) -> None:
    """While Redis is dead redirects and new links go on, and redirects come from it again once it is back"""
    runtime = own_stand.runtime
    did = "Killed Redis (kill -9)"
    _outage(own_stand, did, lambda: runtime.kill("redis"), lambda: runtime.start("redis"), note)


def check_redis_paused(own_stand: Stand, note: Callable[[str], None]) -> None:
    """While Redis hangs no request hangs with it, and no change is forgotten"""
    runtime = own_stand.runtime
    did = "Paused Redis: it takes connections and answers nothing"
    _outage(own_stand, did, lambda: runtime.pause("redis"), lambda: runtime.resume("redis"), note)


def check_redis_cut(own_stand: Stand, note: Callable[[str], None]) -> None:
    """While nothing passes between the service and Redis no request hangs, and no change is forgotten"""
    runtime = own_stand.runtime
    did = "Cut the link between the service and Redis"
    _outage(own_stand, did, lambda: own_stand.cut_off("redis"), runtime.heal, note)


def check_database_spared(own_stand: Stand, note: Callable[[str], None]) -> None:
    """While Redis is dead a crowd of redirects does not trample the database"""
    service = own_stand.service
    links = [service.create(_url()) for _ in range(FEW)]
    own_stand.runtime.kill("redis")
    for link in links:  # by now it knows that Redis is gone
        _expect_leads(service.get("/" + link["id"]), {link["url"]}, "Killed Redis (kill -9), then followed a link.")
    did = f"Killed Redis, then sent {CROWD} GETs of {FEW} links at once, while the database took {HELD:g} s a query."
    with database(own_stand) as connection, ThreadPoolExecutor(CROWD) as pool:
        reads = link_reads(service, connection)
        before = reads.count()
        with locked(connection, reads.tables()):
            sent = service.count + CROWD
            crowd = [(link, pool.submit(service.get, "/" + link["id"])) for link in links * (CROWD // FEW)]
            eventually(lambda: service.count >= sent, within=HELD, every=0.005)
            time.sleep(HELD)  # the queries are under way for so long
        wait(future for _, future in crowd)
        queries = reads.count() - before
    note(f"{queries} queries for {CROWD} GETs")
    expected = f"at most {MOST} queries: requests for the same link wait for one answer"
    expect(queries <= MOST, did=did, expected=expected, got=f"{queries} queries")
    for link, future in crowd:
        _expect_leads(future.result(), {link["url"]}, did)
    own_stand.runtime.start("redis")
    _expect_use_of_redis(own_stand, [link["id"] for link in links], f"{did} Then started Redis again.")


@dataclass
class Believed:
    """Where each link may lead by what was acknowledged: several urls while nobody knows whether a change was made.

    An entry is replaced as a whole, so that a client reads a consistent one."""

    urls: dict[str, frozenset[str]] = field(default_factory=dict)


def _outage(
    stand: Stand, did: str, strike: Callable[[], None], mend: Callable[[], None], note: Callable[[str], None]
) -> None:
    service = stand.service
    links = [service.create(_url()) for _ in range(LINKS)]
    believed = Believed({link["id"]: frozenset({link["url"]}) for link in links})
    _follow_all(service, believed, "Created links and followed them.")  # Redis holds them now
    strike()
    answers = _live_through(service, believed, did)
    note(f"meanwhile {', '.join(f'{name} {status}: {count}' for (name, status), count in sorted(answers.items()))}")
    mend()
    _follow_all(service, believed, f"{did}, changed links meanwhile, mended it, and followed them at once.")
    _expect_use_of_redis(stand, list(believed.urls), f"{did}, then mended it and followed links.")
    _follow_all(service, believed, f"{did}, changed links meanwhile, mended it, and followed them later.")


def _live_through(service: Service, believed: Believed, did: str) -> Counter[tuple[str, int]]:
    """Readers, and one client that writes and changes, while the fault is in force: answers by kind and status."""
    answers: Counter[tuple[str, int]] = Counter()
    ended = threading.Event()
    ids = list(believed.urls)

    def read(offset: int) -> None:
        for link_id in itertools.cycle(ids[offset:] + ids[:offset]):
            if ended.is_set():
                return
            before = believed.urls[link_id]
            answer = service.get("/" + link_id)
            answers["GET", answer.status] += 1
            _expect_leads(answer, before | believed.urls[link_id], f"{did}, and followed a link.")

    with ThreadPoolExecutor(CLIENTS) as pool:
        readers = [pool.submit(read, n * len(ids) // CLIENTS) for n in range(CLIENTS)]
        try:
            end = time.monotonic() + SECONDS
            _write(service, believed, did, answers)
            ended.wait(max(0.0, end - time.monotonic()))
        finally:
            ended.set()
        for reader in readers:
            reader.result()
    return answers


def _write(service: Service, believed: Believed, did: str, answers: Counter[tuple[str, int]]) -> None:
    for path, allowed in (("/readyz", (200,)), ("/healthz", (200,)), ("/stats/top", (200, 503))):
        answer = service.get(path)
        words = f"{' or '.join(map(str, allowed))}" + (": redirects are served" if path == "/readyz" else "")
        expect(answer.status in allowed, did=f"{did}, and asked for {path}.", expected=words, got=answer)
    for number in range(4):
        headers = {"Idempotency-Key": f'"{secrets.token_hex(8)}"'} if number % 2 else {}
        answer = service.post({"url": _url()}, headers)
        answers["POST", answer.status] += 1
        expect(answer.status == 201, did=f"{did}, and created a link.", expected="201", got=answer)
    for link_id in list(believed.urls)[:CHANGED]:
        old, url = believed.urls[link_id], _url()
        believed.urls[link_id] = old | {url}
        answer = service.patch(link_id, {"url": url})
        answers["PATCH", answer.status] += 1
        honest = answer.status == 200 or (answer.status == 503 and "retry-after" in answer.headers)
        expected = "200 and the change in force at once, or 503 with Retry-After"
        expect(honest, did=f"{did}, and changed a link.", expected=expected, got=answer)
        believed.urls[link_id] = frozenset({url}) if answer.status == 200 else old | {url}
        _expect_leads(service.get("/" + link_id), believed.urls[link_id], f"{did}, changed a link, and followed it.")


def _follow_all(service: Service, believed: Believed, did: str) -> None:
    """Each link leads where it must, and where GET /links/{id} says."""
    for link_id, urls in believed.urls.items():
        answer, shown = service.get("/" + link_id), service.get("/links/" + link_id)
        _expect_leads(answer, urls, did, "what was acknowledged is in force, whatever Redis still knows")
        same = shown.status == 200 and shown.json().get("url") == answer.headers["location"]
        expected = f"what GET /links/{{id}} says: {shown.json().get('url') if shown.status == 200 else shown}"
        expect(same, did=did, expected=expected, got=answer)


def _expect_use_of_redis(stand: Stand, ids: list[str], did: str) -> None:
    """Redirects look into Redis again, and find something."""
    with redis_server(stand) as redis:

        def hits() -> int:
            before = redis.lookups()
            for link_id in ids:  # with HEAD, which is no click: what counts clicks may look into Redis too
                stand.service.request("HEAD", "/" + link_id)
            return (redis.lookups() - before).hits

        used = eventually(lambda: hits() >= len(ids) / 2, within=RECOVERY, every=0.1)
    expected = f"that redirects come from Redis again, {RECOVERY:g} s later at most, by itself"
    expect(used, did=did, expected=expected, got="redirects that find nothing there (INFO stats, keyspace_hits)")


def _expect_leads(
    answer: Answer, urls: frozenset[str] | set[str], did: str, why: str = "redirects go on without Redis"
) -> None:
    right = answer.status == 302 and answer.headers.get("location") in urls
    expected = f"302 to {' or '.join(sorted(urls))}: {why}"
    expect(right, did=did, expected=expected, got=answer)


def _url() -> str:
    return f"https://example.com/outage/{secrets.token_hex(8)}"
