"""Clicks while nothing is broken: one event a redirect, each counted once, and a worker that keeps up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson

from checks.eventually import eventually
from checks.plugin.counted import TOPIC, Counts, lag_in_words, link_of
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect
from checks.plugin.visitors import Visitors

CLICKS = 3
SOON, STILL = 10.0, 0.5  # seconds until an event is there; seconds to see that no other one comes
SECONDS = 1.5  # of load
AGE = timedelta(minutes=5)  # that the stage's clock may differ from ours


def check_click_event(stand: Stand) -> None:
    """A GET that redirects makes one event on the topic `clicks`; a HEAD, a 404 and a look at the link make none"""
    counts = Counts.begin(stand, 3)
    clicked, headed, looked = counts.links
    service = stand.service
    for _ in range(CLICKS):
        service.request("HEAD", f"/{headed}")
        service.request("HEAD", f"/{clicked}")
        service.get("/0000000")
        service.get(f"/links/{looked}")
        answer = service.get(f"/{clicked}")
        expect(answer.status == 302, did="Followed a link.", expected="302", got=answer)
    did = f"Followed a link {CLICKS} times; sent as many HEADs, GETs of an unknown id, and GETs of /links/{{id}}."
    eventually(lambda: counts.events()[clicked] >= CLICKS, within=SOON)
    eventually(lambda: counts.events().keys() - {clicked} or counts.events()[clicked] > CLICKS, within=STILL)
    events = counts.events()
    wrong = events[headed] + events[looked] + events["0000000"]
    expect(not wrong, did=did, expected="no event but those of the GETs that redirected", got=f"{wrong} others")
    expect(events[clicked] == CLICKS, did=did, expected=f"{CLICKS} events on `{TOPIC}`", got=f"{events[clicked]}")
    _expect_fields(counts, clicked, did)


def _expect_fields(counts: Counts, link: str, did: str) -> None:
    values = [record.value for record in counts.kafka.records(TOPIC, counts.since)]
    events = [orjson.loads(value or b"") for value in values if link_of(value) == link]
    ids = [event.get("event_id") for event in events]
    unlike = len(set(ids)) == len(ids) and all(isinstance(name, str) and name for name in ids)
    expect(unlike, did=did, expected="`event_id` a string, another one in each event", got=ids)
    now = datetime.now(UTC)
    for event in events:
        expected = "`at` the time of the click as RFC 3339 has it, with its offset from UTC"
        expect(_moment(event.get("at"), now), did=did, expected=expected, got=event.get("at"))


def _moment(text: object, now: datetime) -> bool:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return False
    return "T" in str(text).upper() and at.tzinfo is not None and abs(now - at) < AGE


def check_clicks_exact(stand: Stand, note: Callable[[str], None]) -> None:
    """The counts equal the redirects that were seen, exactly"""
    counts = Counts.begin(stand, 20)
    with Visitors(stand.service, counts.links) as visitors:
        visitors.click_for(SECONDS)
    note(f"{visitors.ledger}")
    counts.expect(visitors.ledger, f"Followed {len(counts.links)} links for {SECONDS:g} s, nothing broken.")


def check_lag(stand: Stand, note: Callable[[str], None]) -> None:
    """While the worker is dead its lag grows, for everybody to see; afterwards it falls to 0"""
    counts = Counts.begin(stand, 5)
    with Visitors(stand.service, counts.links, rate=200) as visitors:
        visitors.click_for(0.3)
        eventually(lambda: counts.lag() is not None, within=SOON)
        stand.runtime.kill("worker")
        before = visitors.ledger.seen
        visitors.click_for(SECONDS)
        missed = visitors.ledger.seen - before
    did = f"Killed the worker and followed links meanwhile: {missed} redirects."
    if missed <= 0:
        raise CheckFailed(did=did, expected="redirects, with the worker dead too", got="none")
    lag = eventually(lambda: _at_least(counts.lag(), missed), within=SOON)
    expected = f"that a consumer group on `{TOPIC}` shows at least so many events that are left to read"
    expect(lag, did=did, expected=expected, got=lag_in_words(counts.lag()))
    note(f"{counts.lag()} events behind")
    stand.runtime.start("worker")
    counts.expect(visitors.ledger, f"{did} Then started it again.")


def _at_least(lag: int | None, least: int) -> bool:
    return lag is not None and lag >= least
