"""The broker is none of a redirect's business: dead or hanging, nobody who follows a link notices. Lab 3."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from checks.plugin.counted import Counts
from checks.plugin.latency import Times
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect, inconclusive
from checks.plugin.visitors import Click, Ledger, Visitors

HALF = 0.9  # seconds of clicks before the fault, and as many under it
LIMIT, BEYOND_DOUBT = 1.5, 4.0  # times the latency of before
TRIES = 3  # of each fault: a hiccup of the machine does not repeat itself
FEW = 20  # clicks that make a median
ENOUGH = 3.0  # seconds for as many; who waits for a dead broker, a second a click, has no hope of them
CALM = 10.0  # seconds until redirects are answered at all, from a broker's return on
BROKER = "kafka"


@dataclass(frozen=True)
class Round:
    """The same visitors before the fault and under it."""

    before: Times
    under: Times

    @property
    def ratio(self) -> float:
        """Of the medians or of the p90s, whichever is worse."""
        return max(self.under.median / self.before.median, self.under.p90 / self.before.p90)

    def __str__(self) -> str:
        return f"{self.under} against {self.before} before"


def check_latency_without_broker(stand: Stand, note: Callable[[str], None]) -> None:
    """Redirects are as quick with the broker dead or hanging as with it alive, and are counted when it is back"""
    counts, ledger = Counts.begin(stand, 10), Ledger()
    runtime = stand.runtime
    faults: tuple[tuple[str, Callable[[str], None], Callable[[str], None]], ...] = (
        ("killed", runtime.kill, runtime.start),
        ("paused", runtime.pause, runtime.resume),
    )
    for word, strike, undo in faults:
        did = f"Followed links, {word} the broker, and went on."
        rounds: list[Round] = []
        while len(rounds) < TRIES and all(done.ratio > LIMIT for done in rounds):
            rounds.append(_round(stand, counts, ledger, strike, did))
            undo(BROKER)
        best = min(rounds, key=lambda done: done.ratio)
        note(f"{word}: {best}")
        _judge(best, rounds, did)
    counts.expect(ledger, "Followed links while the broker was dead and while it hung; then it was back.")


def _round(stand: Stand, counts: Counts, ledger: Ledger, strike: Callable[[str], None], did: str) -> Round:
    with Visitors(stand.service, counts.links, users=4, rate=200) as visitors:
        visitors.click_for(0.2)  # each has connected
        began, ended = _calm(visitors)
        strike(BROKER)
        struck = time.monotonic()
        visitors.click_for(HALF)
    clicks = visitors.ledger.clicks
    ledger.clicks += clicks
    before = [click for click in clicks if began <= click.start < ended]
    under = [click for click in clicks if click.end >= struck]  # those that were under way then, too
    _expect_redirects(under, did)
    return Round(_times(before), _times(under))


def _calm(visitors: Visitors) -> tuple[float, float]:
    """From when to when enough links were followed: who waits for a broker does so too when it has just come back."""
    deadline = time.monotonic() + CALM
    while True:
        already, began, number = len(visitors.ledger.clicks), time.monotonic(), 0
        while number < FEW and time.monotonic() < began + ENOUGH:
            visitors.click_for(HALF)
            number = sum(click.start >= began for click in visitors.ledger.clicks[already:])
        ended = time.monotonic()
        if number >= FEW:
            return began, ended
        if ended > deadline:
            inconclusive(f"only {number} clicks in {ended - began:.1f} s, with the broker alive")


def _expect_redirects(clicks: list[Click], did: str) -> None:
    other = [click for click in clicks if not click.seen]
    if other or not clicks:
        got = f"{len(other)} of {len(clicks)} otherwise" + (f": {other[0].status or 'no answer'}" if other else "")
        raise CheckFailed(did=did, expected="302 each time: a redirect needs no broker", got=got)


def _times(clicks: list[Click]) -> Times:
    return Times(tuple(click.end - click.start for click in clicks))


def _judge(best: Round, rounds: list[Round], did: str) -> None:
    calm = [done.before.p90 for done in rounds]
    if LIMIT < best.ratio < BEYOND_DOUBT and max(calm) > LIMIT * min(calm):
        inconclusive(
            f"redirects took unequally long with the broker alive: {', '.join(f'{s * 1e3:.1f} ms' for s in calm)}"
        )
    expected = f"that redirects take at most {LIMIT:g} times as long as before (median and p90)"
    got = f"{best.ratio:.1f} times: {best}. Does a redirect wait for the broker?"
    expect(best.ratio <= LIMIT, did=did, expected=expected, got=got)
