"""Two regions, 100 ms apart and for a while out of each other's reach, change the same links. Lab 5.

What clients saw and wrote decides: an update is lost when it was acknowledged and is gone, though nobody who had seen
it replaced it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

from checks.eventually import eventually
from checks.plugin.service import JSON, LIMIT, SLACK, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive
from labs.lab5_failover.regions.ledger import Write
from labs.lab5_failover.regions.run import EAST, REGIONS, WEST, Plan, Run, play

LINKS, ROUNDS, APART = 4, 2, 1
ARRIVAL = 15.0  # seconds that a change may take once the other region is back
SKEW = -5.0  # seconds that west's clock is behind
DID = "Changed the same links in both regions, at once, in turn, and while nothing passed between them"
DIFFER = "Does each region decide alike, whatever arrives first, and is what was not delivered sent again?"
UNSEEN = "Does a write replace what its client has not read?"


def check_regions_last_write_wins(regions_stand: Stand, note: Callable[[str], None]) -> None:
    """Last write wins: both regions end up alike, updates are lost, and more of them when a clock is 5 s behind"""
    right = _play(regions_stand, "last-write-wins")
    expected = "that of two changes at once the rule throws one away: with this rule at least one update is lost"
    expect(right.lost, did=f"{DID}.", expected=expected, got=f"none of {right.acknowledged} acknowledged updates lost")
    note(f"clocks right: lost {len(right.lost)} of {right.acknowledged}, such as {_named(right.lost[0])}")
    skewed = _play(regions_stand, "last-write-wins", SKEW)
    note(f"west's clock {-SKEW:g} s behind: lost {len(skewed.lost)} of {skewed.acknowledged}")
    if len(skewed.lost) <= len(right.lost) and right.late + skewed.late:
        inconclusive("changes took more than 2 s to the other region on this machine, so that all were concurrent")
    got = f"{len(skewed.lost)} lost with that clock, {len(right.lost)} without"
    expected = "that more updates are lost: the timestamps are of the regions' own clocks (CLOCK_SKEW)"
    did = f"{DID}, with west's clock {-SKEW:g} s behind."
    expect(len(skewed.lost) > len(right.lost), did=did, expected=expected, got=got)


def check_regions_version_vector(regions_stand: Stand, note: Callable[[str], None]) -> None:
    """Version vector: no update is lost, concurrent ones stay side by side until a client that read them writes"""
    run = _play(regions_stand, "version-vector")
    _expect_nothing_lost(run)
    expected = 'both urls of two changes at once, side by side in "urls"'
    expect(run.conflicts, did=f"{DID}.", expected=expected, got="one url for every link")
    note(f"lost 0 of {run.acknowledged}, {run.conflicts} links with siblings")
    did = "Read a link with siblings, and wrote one url with the version that was read."
    expect(
        run.left == 0, did=did, expected="that url alone, in both regions", got=f"{run.left} links still have siblings"
    )
    _expect_sent_again(regions_stand)


def _expect_sent_again(stand: Stand) -> None:
    """What is written while the other region is dead comes to it once it lives."""
    link = f"east-{secrets.token_hex(3)}"
    did = "Killed region west (kill -9), wrote a link in east, and started west again."
    stand.runtime.kill("region-west")
    url = f"https://example.com/{link}"
    answer = _door(stand, EAST).request("PUT", f"/links/{link}", json.dumps({"url": url}).encode(), JSON)
    expect(answer.status == 200, did=did, expected="200: a region does not need the other one to write", got=answer)
    stand.runtime.start("region-west")

    def arrived() -> bool:
        return _door(stand, WEST).get(f"/links/{link}").status == 200

    got = f"404 for {ARRIVAL:g} s after west was ready again"
    expected = "the link in west soon: what could not be delivered is sent again"
    expect(eventually(arrived, within=ARRIVAL), did=did, expected=expected, got=got)


def check_regions_owner(regions_stand: Stand, note: Callable[[str], None]) -> None:
    """Owner region: no update is lost, the far region waits for the round trip, and gets 503 when it is cut off"""
    run = _play(regions_stand, "owner")
    _expect_nothing_lost(run)
    near, far, round_trip = run.latencies(EAST), run.latencies(WEST), 2 * run.plan.delay
    expect(far, did=f"{DID}.", expected="that the far region can write too", got="none of its writes was acknowledged")
    got = f"one after {1000 * min(far):.0f} ms: the owner cannot have had it yet"
    did = f"Wrote links of east's in west, with {1000 * run.plan.delay:g} ms each way between the two."
    expected = f"that each is acknowledged after the round trip of {1000 * round_trip:g} ms at the earliest"
    expect(min(far) >= round_trip, did=did, expected=expected, got=got)
    ratio = _median(far) / _median(near)
    note(f"lost 0 of {run.acknowledged}; a write {1000 * _median(near):.0f} ms near, {ratio:.1f} times that far away")
    _expect_bounded(run)
    if ratio < 1:
        inconclusive("this machine answered the near region slower than the far one, whose writes travel 200 ms")


def _play(stand: Stand, rule: str, skew: float = 0.0) -> Run:
    """The run; both regions show the same after it, asked once more at their own doors."""
    plan = Plan(rule, skew, links=LINKS, together=ROUNDS, in_turn=ROUNDS, apart=APART, cut_seconds=0.0)
    run = play(stand.runtime, plan, secrets.token_hex(3), lambda _: None)
    got = f"after 15 s they still differ in {len(run.differing())} of {LINKS} links"
    expected = "that both regions show the same in the end"
    expect(run.agreed is not None, did=f"{DID}.", expected=expected, got=got, next=f"{DIFFER} `lab hint 5`.")
    for link in run.shown[EAST]:
        shown = [_urls(stand, region, link) for region in REGIONS]
        did = f"Read {link} in both regions after the run."
        expect(shown[0] == shown[1], did=did, expected=expected, got=f"{shown[0]} in the east, {shown[1]} in the west")
    return run


def _door(stand: Stand, region: str) -> Service:
    host, port = stand.runtime.address(f"region-{region}")
    return stand.service.at(f"http://{host}:{port}")


def _urls(stand: Stand, region: str, link: str) -> list[str]:
    answer = _door(stand, region).get(f"/links/{link}")
    expect(answer.status == 200, did=f"Read {link} in region {region}.", expected="200", got=answer)
    return sorted(map(str, answer.json()["urls"]))


def _expect_nothing_lost(run: Run) -> None:
    some = ", ".join(map(_named, run.lost[:3]))
    got = f"{len(run.lost)} of {run.acknowledged} acknowledged updates gone, such as {some}"
    expected = "that no acknowledged update is gone unless somebody who had seen it replaced it"
    expect(not run.lost, did=f"{DID}.", expected=expected, got=got, next=f"{UNSEEN} `lab hint 5`.")


def _expect_bounded(run: Run) -> None:
    """While the link was cut."""
    apart = run.apart(WEST)
    slowest = max(write.seconds for write in apart)
    odd = [write for write in apart if write.status != 503]
    said = f"{odd[0].status or 'no answer'}" if odd else "503"
    did = "Wrote links of east's in west while nothing passed between the two."
    bounded = not odd and slowest < LIMIT + SLACK
    expect(bounded, did=did, expected=f"503 within {LIMIT:g} s", got=f"{said} after {slowest:.1f} s")


def _named(write: Write) -> str:
    return f"{write.url} (link {write.link}, acknowledged in {write.region})"


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
