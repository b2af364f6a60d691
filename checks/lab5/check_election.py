"""Three nodes, one job: a leader that is paused in the middle of a round, past its lease, and goes on again. Lab 5.

What counts is what the storage accepted: the rows of `sweeps`, each with the token of whoever wrote it. A row with an
older token than one before it is a stale write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from checks.plugin.load import failing_as
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive
from labs.lab5_failover.election.lesson import Run, Way, election

TRIES = 4  # pauses; one that falls between two rounds shows nothing
FENCED_TRIES = 6  # the same for both keepers of the lease
TAKES_OVER = "that another node leads once the lease has run out, and goes on"


def check_paused_leader(election_stand: Stand, note: Callable[[str], None]) -> None:
    """Unfenced, a leader paused past its lease writes once more when it wakes, and then sees that it leads no more"""
    way = Way("redis", fenced=False)
    did = _did(way)
    with failing_as(did, TAKES_OVER), election(election_stand.runtime, way) as going:
        for _ in range(TRIES):
            going.pause_the_leader()
            run = going.so_far()
            if run.stale:
                break
    election_stand.service.count += len(run.rounds)
    note(_figures(run))
    token, most = Counter(one.token for one in run.stale).most_common(1)[0] if run.stale else (0, 0)
    expect(
        most <= 1,
        did=did,
        expected="at most the one write that it had begun: then it looks at its lease, which is another's",
        got=f"{most}: it went on sweeping with its token {token}. Does it look at its lease in each round?",
    )
    if not run.stale:
        inconclusive(f"{len(run.pauses)} pauses showed no stale write at all, so this check could not see one either")
    expected = "two leaders at once: a node that is frozen cannot know that its time is over"
    expect(run.leaders_at_once > 1, did=did, expected=expected, got=f"{run.leaders_at_once} by what the nodes say")


def check_fenced_leader(election_stand: Stand, note: Callable[[str], None]) -> None:
    """Fenced, the storage refuses what a leader of the past writes: on Redis and on etcd not one stale write"""
    for way in (Way("redis", fenced=True), Way("etcd", fenced=True)):
        _expect_none(election_stand, way, note)


def _expect_none(stand: Stand, way: Way, note: Callable[[str], None]) -> None:
    did = _did(way)
    with failing_as(did, TAKES_OVER), election(stand.runtime, way) as going:
        for _ in range(FENCED_TRIES):
            going.pause_the_leader()
            run = going.so_far()
            if run.refusals or run.stale:
                break
    stand.service.count += len(run.rounds)
    note(_figures(run))
    expected = "none: the storage checks the token in the same transaction as the write, and refuses an older one"
    got = f"{len(run.stale)} stale writes accepted, and {run.renewed_and_gone} links deleted that had been renewed"
    expect(not run.stale and not run.renewed_and_gone, did=did, expected=expected, got=got)
    if not run.refusals:
        inconclusive(f"in {len(run.pauses)} pauses no stale write was even tried ({way})")


def _did(way: Way) -> str:
    fence = "the storage checks its token" if way.fenced else "without a fence"
    return f"Paused the leader in the middle of a round until another led (lease in {way.keeper}, {fence})."


def _figures(run: Run) -> str:
    return (
        f"{run.way}: paused {len(run.pauses)} times, {run.leaders_at_once} leaders at once, stale writes"
        f" {len(run.stale)} accepted and {len(run.refusals)} refused, {run.longest_gap:.1f} s without a leader at work"
    )
