"""A million links: the redirect does not notice, and the search finds its few without reading them all."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from urllib.parse import quote

import psycopg

from checks.plugin.database import (
    Connection,
    Plan,
    database,
    explain,
    settle,
    statements,
    watch_statements,
    without_indexes,
)
from checks.plugin.latency import Times, turn_by_turn
from checks.plugin.seeded import seed
from checks.plugin.service import Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive

FEW, MANY, ENOUGH = 10_000, 1_000_000, 200_000  # links
LIMIT, BEYOND_DOUBT = 2.0, 5.0  # times the latency at FEW links
QUICKER = 3.0  # times that an index at least saves, where time can tell at all
SEARCHED = "https://example.com/plan?find=me"
SEARCHES = 7


def check_latency_million(own_stand: Stand, note: Callable[[str], None]) -> None:
    """GET takes as long among 1,000,000 links as among 10,000"""
    if own_stand.seeded > FEW:
        inconclusive("this stage holds more links already")
    paths = ["/" + own_stand.service.create(f"https://example.com/{n}")["id"] for n in range(40)]
    few, few_idle = _measured(own_stand, FEW, paths)
    many, many_idle = _measured(own_stand, MANY, paths)
    ratio, mood = _ratios(few, many, few_idle, many_idle)
    if LIMIT < ratio < BEYOND_DOUBT:  # a hiccup of the machine does not repeat itself
        many, many_idle = _measured(own_stand, MANY, paths)
        ratio, mood = _ratios(few, many, few_idle, many_idle)
    note(f"{few} among {FEW:,} links, {many} among {MANY:,}")
    if ratio > LIMIT and not 0.5 < mood < 2.0 and ratio < BEYOND_DOUBT:
        inconclusive(f"the machine's own pace changed {mood:.1f}-fold meanwhile (GET /healthz)")
    expect(
        ratio <= LIMIT,
        did=f"Timed GET /{{id}} among {FEW:,} links and among {MANY:,}, beside GET /healthz each time.",
        expected=f"at most {LIMIT:g} times as long",
        got=f"{ratio:.1f} times: {few} against {many}. Does a redirect look at every link?",
    )


def check_plan(own_stand: Stand, note: Callable[[str], None]) -> None:
    """The search by url uses an index; without it the whole table is read, and it shows"""
    seed(own_stand, ENOUGH)
    for _ in range(3):
        own_stand.service.create(SEARCHED)
    with database(own_stand) as connection:
        settle(connection)
        plan = _plan_of_search(own_stand.service, connection)
        did = f"Searched for a url among {own_stand.seeded:,} links; had Postgres explain the query: {plan.query[:200]}"
        expected = "an index that leads to the few links of that url"
        expect(not plan.scanned and plan.indexes, did=did, expected=expected, got=f"{plan}: every link is read")
        quick = _search_seconds(own_stand.service)
        try:
            with without_indexes(connection, plan.indexes):
                before = explain(connection, plan.query)
                slow = _search_seconds(own_stand.service)
        except psycopg.Error as error:
            inconclusive(f"the index cannot be taken away to compare: {str(error).strip().splitlines()[0]}")
    note(f"before, without the index: {before}, {slow * 1000:.1f} ms")
    note(f"after, with it: {plan}, {quick * 1000:.1f} ms: {slow / quick:.0f} times as quick")
    if before is None or not before.scanned:
        inconclusive(f"without {', '.join(plan.indexes)} Postgres finds another way: {before}")
    if slow / quick < QUICKER:
        inconclusive(f"the plans differ as they should, their times here do not: {slow / quick:.1f} times")


def _measured(stand: Stand, links: int, paths: list[str]) -> tuple[Times, Times]:
    """GET of links and GET /healthz, turn by turn, among so many links."""
    seed(stand, links)
    with database(stand) as connection:
        settle(connection)
    count = 0

    def get() -> float:
        nonlocal count
        count += 1
        answer = stand.service.get(paths[count % len(paths)])
        expect(answer.status == 302, did="Followed a link.", expected="302", got=answer)
        return answer.seconds

    return turn_by_turn(get, lambda: stand.service.get("/healthz").seconds)


def _ratios(few: Times, many: Times, few_idle: Times, many_idle: Times) -> tuple[float, float]:
    """How much longer a GET takes, with the machine's change of pace taken out; and that change of pace."""
    mood = many_idle.median / few_idle.median
    return many.median / few.median / mood, mood


def _plan_of_search(service: Service, connection: Connection) -> Plan:
    try:
        watch_statements(connection)
    except psycopg.Error as error:
        inconclusive(f"this Postgres counts no statements: {str(error).strip().splitlines()[0]}")
    _search_seconds(service)
    plans = [explain(connection, query) for query in statements(connection, SEARCHES)]
    found = [plan for plan in plans if plan is not None and any(table for _, table, _ in plan.steps)]
    if not found:
        inconclusive(f"{SEARCHES} searches left no query in pg_stat_statements that Postgres can explain")
    return found[0]


def _search_seconds(service: Service) -> float:
    """The median time of a search, all of which must find what is there."""
    seconds = []
    for _ in range(SEARCHES):
        answer = service.get(f"/links?url={quote(SEARCHED, safe='')}&limit=20")
        expect(answer.status == 200, did="Searched for a url.", expected="200", got=answer)
        seconds.append(answer.seconds)
    return median(seconds)
