"""The search by url among many links: it finds its few without reading them all."""

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
    large_tables,
    settle,
    statements,
    watch_statements,
    without_indexes,
)
from checks.plugin.seeded import seed
from checks.plugin.service import Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive

ENOUGH, LARGE = 200_000, 50_000  # links; rows of a table that is not to be read whole
QUICKER = 3.0  # times that an index at least saves, where time can tell at all
SEARCHED = "https://example.com/plan?find=me"
SEARCHES = 7


def check_plan(own_stand: Stand, note: Callable[[str], None]) -> None:
    """The search by url uses an index; without it the whole table is read, and it shows"""
    seed(own_stand, ENOUGH)
    for _ in range(3):
        own_stand.service.create(SEARCHED)
    with database(own_stand) as connection:
        settle(connection)
        many = large_tables(connection, LARGE)
        plan = _plan_of_search(own_stand.service, connection, many)
        did = f"Searched for a url among {own_stand.seeded:,} links; had Postgres explain the query: {plan.query[:200]}"
        expected = "an index that leads to the few links of that url"
        expect(not plan.scanned and plan.indexes, did=did, expected=expected, got=f"{plan}: every link is read")
        quick = _search_seconds(own_stand.service)
        try:
            with without_indexes(connection, plan.indexes):
                unaided = explain(connection, plan.query)
                slow = _search_seconds(own_stand.service)
        except psycopg.Error as error:
            inconclusive(f"the index cannot be taken away to compare: {str(error).strip().splitlines()[0]}")
    before = unaided and unaided.on(many)
    note(f"before, without the index: {before}, {slow * 1000:.1f} ms")
    note(f"after, with it: {plan}, {quick * 1000:.1f} ms: {slow / quick:.0f} times as quick")
    if before is None or not before.scanned:
        inconclusive(f"without {', '.join(plan.indexes)} Postgres finds another way: {before}")
    if slow / quick < QUICKER:
        inconclusive(f"the plans differ as they should, their times here do not: {slow / quick:.1f} times")


def _plan_of_search(service: Service, connection: Connection, many: set[str]) -> Plan:
    """How the search reads the large tables: a small one, such as the counts of a later lab, is best read whole."""
    try:
        watch_statements(connection)
    except psycopg.Error as error:
        inconclusive(f"this Postgres counts no statements: {str(error).strip().splitlines()[0]}")
    _search_seconds(service)
    plans = [explain(connection, query) for query in statements(connection, SEARCHES)]
    found = [plan.on(many) for plan in plans if plan is not None and plan.reads(many)]
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
