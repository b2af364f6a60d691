"""The database dies, hangs, is out of reach or blocked: honest answers meanwhile, and all is well afterwards."""

from __future__ import annotations

from collections.abc import Callable

from checks.lab2.outage import URL, expect_honest, expect_recovery
from checks.plugin.database import database, locked, tables
from checks.plugin.load import under_load
from checks.plugin.service import LIMIT, SLACK
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive
from infra.experiment.experiment import At, Load, Request, Timeline

DOWN, UP = 1.0, 2.0  # seconds after the load began
QUIET = 2.5  # seconds that the service may take to notice that its database is back


def check_database_down(stand: Stand) -> None:
    """While Postgres is dead every request gets its 503 in time, and afterwards all is served again"""
    link_id = _known_link(stand)
    did = "Killed Postgres (kill -9)"
    stand.runtime.kill("postgres")
    expect_honest(stand.service, link_id, f"{did} and sent one request of each kind.")
    stand.runtime.start("postgres")
    expect_recovery(stand.service, link_id, f"{did}, then started it again.")


def check_database_paused(stand: Stand) -> None:
    """While Postgres hangs no request hangs with it"""
    did = "Paused Postgres: it takes connections and answers nothing"
    _under(stand, did, lambda: stand.runtime.pause("postgres"))


def check_link_cut(stand: Stand) -> None:
    """While nothing passes between the service and Postgres no request hangs"""
    _under(stand, "Cut the link between the service and Postgres", lambda: stand.cut_off("postgres"))


def check_locked_table(stand: Stand) -> None:
    """A long transaction that locks the table holds up no request beyond 5 s"""
    link_id = _known_link(stand)
    did = "Locked the tables in a transaction that stays open"
    with database(stand) as connection, locked(connection, tables(connection)):
        expect_honest(stand.service, link_id, f"{did} and sent 24 requests at once.", copies=6)
    expect_recovery(stand.service, link_id, f"{did}, then ended it.")


def check_database_killed(stand: Stand, note: Callable[[str], None]) -> None:
    """No acknowledged link is lost when Postgres is killed under load, and the service recovers by itself"""
    load = Load(users=10, seconds=UP + QUIET + 2.0, rate=300, write_share=0.5, links=50)
    kill = At(DOWN, "kill -9 postgres", lambda runtime: runtime.kill("postgres"))
    start = At(UP, "start postgres", lambda runtime: runtime.start("postgres"))
    timeline = under_load(stand, load, (kill, start))
    audit = timeline.audit
    if audit is None:
        inconclusive("nothing was read back after the load")
    did = "Killed Postgres (kill -9) under load and started it again a second later."
    note(f"{audit.acknowledged} links acknowledged, {audit.unknown} writes with an uncertain end")
    example = f", such as {audit.lost[0][1]} (GET /{audit.lost[0][0]})" if audit.lost else ""
    got = f"{len(audit.lost)} of {audit.acknowledged} lost{example}"
    expect(not audit.lost, did=did, expected="every acknowledged link: 201 means that Postgres has it", got=got)
    _expect_in_time(timeline, did)
    back = max(span.end or span.start for span in timeline.faults)
    late = [request for request in timeline.requests if request.start > back + QUIET]
    if not late:  # on a slow machine the load has ended by then
        expect_recovery(stand.service, _known_link(stand), did)
    failed = [request for request in late if request.outcome != "ok"]
    got = f"{len(failed)} of {len(late)} requests still failed, such as {_words(failed)}"
    expect(not failed, did=did, expected=f"that all is served again {QUIET:g} s after it is back", got=got)


def _expect_in_time(timeline: Timeline, did: str) -> None:
    slow = [request for request in timeline.requests if request.seconds > LIMIT + SLACK]
    expect(not slow, did=did, expected="every request ends within 5 s", got=f"{len(slow)} did not: {_words(slow)}")
    other = [request for request in timeline.requests if request.outcome != "ok" and request.status != 503]
    got = f"{len(other)} of {len(timeline.requests)} otherwise, such as {_words(other)}"
    expect(not other, did=did, expected="a 503 wherever the database was needed and away", got=got)


def _words(requests: list[Request]) -> str:
    if not requests:
        return ""
    one = requests[0]
    return f"{one.name}: {one.status or one.error or 'no answer'} after {one.seconds:.1f} s"


def _under(stand: Stand, did: str, strike: Callable[[], None]) -> None:
    """Honest answers while that fault is in force, and recovery once it is healed."""
    link_id = _known_link(stand)
    strike()
    expect_honest(stand.service, link_id, f"{did}, and sent one request of each kind.")
    stand.runtime.heal()
    expect_recovery(stand.service, link_id, f"{did}, then healed it.")


def _known_link(stand: Stand) -> str:
    return str(stand.service.create(URL)["id"])
