"""Another Postgres node comes to lead, again and again: the service follows, and keeps what it acknowledged. Lab 5."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from checks.eventually import eventually
from checks.lab2.outage import RECOVERY
from checks.lab5.explained import expect_explained
from checks.lab5.rows import missing_rows
from checks.lab5.under_way import UnderWay
from checks.plugin.load import failing_as
from checks.plugin.service import NoAnswer
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect, inconclusive
from infra.experiment.experiment import Load
from infra.failover.change import Change, fail_over, set_synchronous
from infra.failover.cluster import look
from infra.failover.patroni import nodes
from infra.runtime.protocol import Runtime
from labs.lab5_failover.strikes import STRIKES, Strike, until_whole
from labs.lab5_failover.trial import Struck, Trial, trial

# Quick ones, then those after which the old leader's Postgres lives on, and must not acknowledge anything.
FAULTS = ("switchover", "postgres", "pause", "patroni", "host-fenced")
ENOUGH = 3  # of these must fit into the load
SECONDS = (85.0, 180.0)  # of load, at least and at most
SHARE = 6  # so many times as long as the first fault took on this machine
VISITORS = Load(10, SECONDS[0], 80.0, write_share=0.45, key_share=1.0, links=40, targets=("balancer",))
IN_A_ROW = 20  # POSTs over all copies: a pool that also holds a dead connection does not get so far
# What is under way when the leader dies still arrives: the log must come later than another node leads.
TRIES, LATE = 3, 4.0  # for a loss to be seen; seconds by which the log comes late to the other nodes
POSTS = 3  # at once, while no other node answers
SOON = 10.0  # seconds until a link that is lost is told to be unknown
BURST = 40  # links that are written before the leader of an asynchronous cluster dies


def check_failover(own_stand: Stand, note: Callable[[str], None]) -> None:
    """Whatever befalls the leader, the service soon writes again, and no acknowledged link is lost or made twice"""
    did = "Struck whoever led, again and again, while clients read and wrote."
    with failing_as(did, "that clients can read and write again"):
        began = time.monotonic()
        under_way = _strike_posts_under_way(own_stand)
        seconds = min(max(SECONDS[0], SHARE * (time.monotonic() - began)), SECONDS[1])
        strikes = [_watched(own_stand, STRIKES[name]) for name in FAULTS]
        done = trial(own_stand.runtime, strikes, seconds, lambda _: None, replace(VISITORS, seconds=seconds))
    own_stand.service.count += len(done.timeline.requests)
    note(f"{under_way} POSTs under way at the first one, each sent again: one link each")
    for one in done.struck:
        note(_row(one))
    note(f"{done.acknowledged:,} links acknowledged, {len(done.lost)} lost; {done.unknown} writes left unknown")
    _expect_nothing_lost(done, did)
    expect_explained(done.timeline.requests, VISITORS.users * len(done.struck), did)
    if len(done.struck) < ENOUGH:
        inconclusive(f"only {len(done.struck)} faults fitted into {seconds:.0f} s on this machine, {ENOUGH} must")


def _strike_posts_under_way(stand: Stand) -> int:
    """The first fault, before any other load: a service that does not come back, or makes a link twice, fails here."""
    runtime, strike, posts = stand.runtime, _watched(stand, STRIKES["host-fenced"]), UnderWay(stand)
    with posts.clients():
        change = strike.do(runtime)
    did = f"{change.old}: {strike.what}, with POSTs under way; sent each again with its key, once {change.new} led."
    count = posts.expect_once(change, did)
    if not count:
        inconclusive("no POST was under way when the leader was struck")
    runtime.heal()
    until_whole(runtime)
    return count


def _watched(stand: Stand, strike: Strike) -> Strike:
    """It ends with a look whether the service is back."""

    def do(runtime: Runtime) -> Change:
        change = strike.do(runtime)
        _expect_whole_pool(stand, strike, change)
        return change

    return replace(strike, do=do)


def _expect_whole_pool(stand: Stand, strike: Strike, change: Change) -> None:
    """While the old leader is away. One POST may be lucky; a pool that is whole takes one after the other."""
    refused: list[str] = []

    def whole() -> bool:
        refused[:] = _refused(stand)
        return not refused

    eventually(whole, within=change.promoted + RECOVERY - time.monotonic(), every=0.1)
    expect(
        not refused,
        did=f"{change.old}: {strike.what}; then {change.new} took writes.",
        expected=f"{IN_A_ROW} acknowledged POSTs in a row, {RECOVERY:g} s later at most",
        got=f"{''.join(refused)}. Does the service look for the leader anew, and drop each connection to the old one?",
    )


def _refused(stand: Stand) -> list[str]:
    """The first of so many POSTs that is not acknowledged; none when all are."""
    for _ in range(IN_A_ROW):
        try:
            answer = stand.service.post({"url": "https://example.com/back"})
        except NoAnswer as error:
            return [error.got]
        if answer.status != 201:
            return [str(answer)]
    return []


def _row(one: Struck) -> str:
    outage = "the load ended meanwhile" if one.outage is None else f"nobody could write for {one.outage:.2f} s"
    change = one.change
    return (
        f"{one.strike.what}: {change.old} to {change.new}, {outage}"
        f" (promoted after {one.promoted:.2f} s), whole again {one.rejoined:.1f} s later"
    )


def _expect_nothing_lost(done: Trial, did: str) -> None:
    audit = done.timeline.audit
    if audit is None:
        inconclusive("nothing was read back after the load")
    example = f", such as {done.lost[0][1]} (GET /{done.lost[0][0]})" if done.lost else ""
    got = f"{len(done.lost)} of {audit.acknowledged} lost{example}"
    expect(not done.lost, did=did, expected="every acknowledged link: 201 means that another node has it too", got=got)
    expect(
        not audit.doubled,
        did=did,
        expected="one link for each Idempotency-Key, however often its POST was sent",
        got=f"two links for the url {audit.doubled[0]}" if audit.doubled else "",
    )


def check_unreplicated_write(own_stand: Stand) -> None:
    """A write that no other node has is not acknowledged: the answer is 503, and nobody knows what became of it"""
    runtime, service = own_stand.runtime, own_stand.service
    service.create("https://example.com/before")
    leader = look(runtime).leader
    others = [name for name in nodes(runtime) if name != leader]
    did = f"Paused {' and '.join(others)}, so that a commit finds nobody to wait for, and sent POST /links."
    try:
        for name in others:
            runtime.pause(name)
        with ThreadPoolExecutor(POSTS) as pool:
            answers = list(pool.map(lambda _: _post(own_stand), range(POSTS)))
    finally:
        for name in others:
            runtime.resume(name)
    expect(
        all(answer == 503 for answer in answers),
        did=did,
        expected="503: the link is on one node only, and nobody can say whether it will stay",
        got=", ".join(f"{answer or 'no answer'}" for answer in answers),
    )
    until_whole(runtime)
    service.create("https://example.com/after")


def _post(stand: Stand) -> int | None:
    try:
        return stand.service.post({"url": "https://example.com/nobody-else-has-it"}).status
    except NoAnswer:
        return None


def check_asynchronous_loss(own_stand: Stand, note: Callable[[str], None]) -> None:
    """Without a synchronous standby the death of the leader loses acknowledged links, and the service shows which"""
    for attempt in range(1, TRIES + 1):
        gone, others, made = _lose_some(own_stand)
        did = "Let commits wait for nobody and the log come late to the others, made links, killed the leader."
        expect(
            not others,
            did=did,
            expected=f"404 for each link whose row is lost with the old leader, {SOON:g} s later at most",
            got=f"{len(others)} of {len(gone)} lost links served, or refused: {_such_as(others)}",
        )
        if gone:
            note(f"{len(gone)} of {made} acknowledged links lost, at attempt {attempt}")
            return
    inconclusive(f"in {TRIES} attempts nothing was lost: the log reached the other nodes before the leader died")


def _such_as(others: Mapping[str, int | None]) -> str:
    return ", ".join(f"{status or 'no answer'} for /{link}" for link, status in list(others.items())[:3])


def _lose_some(stand: Stand) -> tuple[list[str], dict[str, int | None], int]:
    """Links whose rows are gone, those of them that are not told to be unknown, and how many were acknowledged."""
    runtime, service = stand.runtime, stand.service
    set_synchronous(runtime, False)
    try:
        leader = look(runtime).leader
        others = [name for name in nodes(runtime) if name != leader]
        for name in others:
            runtime.slow(name, str(leader), LATE)
        made = [service.create(f"https://example.com/lost/{number}")["id"] for number in range(BURST)]
        if missing_rows(runtime, str(leader), made):
            inconclusive(
                "not every acknowledged link has a row with its id in a column `id`, by which this check looks"
            )
        change = fail_over(runtime, fenced=True)
        gone = missing_rows(runtime, change.new, made)
        eventually(lambda: not _not_unknown(stand, gone[:1]), within=SOON, every=0.1)
        told = _not_unknown(stand, gone)
    except NoAnswer as error:
        raise CheckFailed(did="Killed the leader.", expected="an answer", got=error.got) from error
    finally:
        runtime.heal()
        until_whole(runtime)
        set_synchronous(runtime, True)
        until_whole(runtime)
    return gone, told, len(made)


def _not_unknown(stand: Stand, links: Sequence[str]) -> dict[str, int | None]:
    """What else is said of those links; None where nothing is."""
    found: dict[str, int | None] = {}
    for link in links:
        try:
            found[link] = stand.service.get(f"/{link}").status
        except NoAnswer:
            found[link] = None
    return {link: status for link, status in found.items() if status != 404}
