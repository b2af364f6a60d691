"""Redis hangs, for all copies or for one: nobody waits for it longer than a moment, and then nobody asks it. Lab 4."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from checks.eventually import eventually
from checks.lab4.followers import followed
from checks.plugin.copies import every_copy, metric, names
from checks.plugin.latency import Times
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect, inconclusive
from checks.plugin.visitors import Click

STATE = "cache_breaker_state"
IN_WORDS = f"the gauge {STATE} at GET /metrics of each copy (0 closed, 1 half-open, 2 open)"
CALM, OPENING, OPEN = 1.2, 1.2, 1.2  # seconds of clicks: before, while the breakers open, and once they are open
P99 = 1.0  # seconds: a fifth of what a request has, since the database is still to be asked
LIMIT = (
    10  # times the median of before, once nobody asks Redis any more; who waits for a timeout each time is beyond it
)
TRIES = 2  # of that: a hiccup of the machine does not repeat itself
SOON, RECOVERY = 4.0, 10.0  # seconds until a breaker has opened; until it has closed, once Redis is back
FEW = 40  # clicks that make a median


@dataclass(frozen=True)
class Phases:
    """The same clicks before the fault, from its first moment on, and once the breakers are open."""

    before: Times
    under: Times
    open: Times

    @property
    def ratio(self) -> float:
        return self.open.median / self.before.median

    def __str__(self) -> str:
        return f"p99 {p99(self.under) * 1000:.0f} ms; once open {self.open}, before {self.before}"


def check_cache_hangs(stand: Stand, note: Callable[[str], None]) -> None:
    """While Redis hangs redirects go on, soon as quick as before; the breakers open, and close when it is back"""
    did = "Paused Redis under load: it takes connections and answers nothing"
    runtime = stand.runtime
    _judge(stand, did, lambda: runtime.pause("redis"), lambda: runtime.resume("redis"), names(stand), note)


def check_cache_cut_off(stand: Stand, note: Callable[[str], None]) -> None:
    """While one copy cannot reach Redis its redirects go on, and it alone opens its breaker"""
    runtime, name = stand.runtime, names(stand)[1]
    did = f"Cut the link between {name} and Redis under load: nothing passes, and nobody is told"
    _judge(stand, did, lambda: runtime.cut(name, "redis"), runtime.heal, [name], note)


def _judge(
    stand: Stand,
    did: str,
    strike: Callable[[], None],
    undo: Callable[[], None],
    struck: Sequence[str],
    note: Callable[[str], None],
) -> None:
    """`struck` are the copies that cannot reach Redis meanwhile."""
    _expect_metric(stand)
    rounds: list[Phases] = []
    while len(rounds) < TRIES and all(done.ratio > LIMIT for done in rounds):
        rounds.append(_round(stand, did, strike, struck, note))
        undo()
        _expect_closed(stand, f"{did}; then it was back.")
    best = min(rounds, key=lambda done: done.ratio)
    note(str(best))
    if p99(best.under) > P99 and p99(best.before) > P99 / 4:
        inconclusive(f"redirects took up to {p99(best.before):.1f} s here with Redis alive")
    expected = f"99 of 100 redirects within {P99:g} s: a call of the cache has a short timeout"
    expect(p99(best.under) <= P99, did=f"{did}.", expected=expected, got=str(best))
    expected = f"that redirects soon take at most {LIMIT} times as long as before: an open breaker asks Redis nothing"
    expect(best.ratio <= LIMIT, did=f"{did}.", expected=expected, got=f"{best.ratio:.0f} times ({best})")


def _round(
    stand: Stand, did: str, strike: Callable[[], None], struck: Sequence[str], note: Callable[[str], None]
) -> Phases:
    with followed(stand, f"{did}.", note) as visitors:
        visitors.click_for(0.2)  # each has connected
        began = time.monotonic()
        visitors.click_for(CALM)
        strike()
        at = time.monotonic()
        visitors.click_for(OPENING)
        states = _opened(stand, struck)
        opened = time.monotonic()
        visitors.click_for(OPEN)
    closed = [name for name in struck if not states[name]]
    expected = f"that the breaker of each copy that meets it opens: {IN_WORDS}"
    expect(not closed, did=f"{did}.", expected=expected, got=f"0 (closed) at {', '.join(closed)}")
    others = [name for name, state in states.items() if state and name not in struck]
    expected = "that the breakers of the other copies stay closed"
    expect(not others, did=f"{did}.", expected=expected, got=f"open at {', '.join(others)}")
    clicks = visitors.ledger.clicks
    return Phases(
        _times([click for click in clicks if began <= click.start and click.end < at]),
        _times([click for click in clicks if click.end >= at]),
        _times([click for click in clicks if click.start >= opened]),
    )


def _opened(stand: Stand, struck: Sequence[str]) -> dict[str, float]:
    """The state of each copy's breaker, once those are no longer closed."""
    copies = every_copy(stand)
    states: dict[str, float] = {}

    def look() -> bool:
        states.update({name: metric(service, STATE) or 0.0 for name, service in copies.items()})
        return all(states[name] for name in struck)

    eventually(look, within=SOON)
    return states


def _expect_metric(stand: Stand) -> None:
    lacking = [name for name, service in every_copy(stand).items() if metric(service, STATE) is None]
    did, got = "Asked each copy for GET /metrics.", f"no {STATE} at {', '.join(lacking)}"
    expect(not lacking, did=did, expected=IN_WORDS, got=got)


def _expect_closed(stand: Stand, did: str) -> None:
    """Each breaker lets calls through again: it takes a call to see that, so links are followed meanwhile."""
    link = str(stand.service.create("https://example.com/again")["id"])
    copies = every_copy(stand)

    def still_open() -> list[str]:
        for service in copies.values():
            service.request("HEAD", f"/{link}")
        return [name for name, service in copies.items() if metric(service, STATE) != 0]

    if eventually(lambda: not still_open(), within=RECOVERY, every=0.1):
        return
    expected = f"that each breaker closes by itself, {RECOVERY:g} s later at most: {IN_WORDS}"
    raise CheckFailed(did=did, expected=expected, got=f"still open at {', '.join(still_open())}")


def _times(clicks: list[Click]) -> Times:
    if len(clicks) < FEW:
        inconclusive(f"only {len(clicks)} links were followed in a phase of it, too few to say how long they take")
    return Times(tuple(click.end - click.start for click in clicks))


def p99(times: Times) -> float:
    return sorted(times.seconds)[int(len(times.seconds) * 0.99)]
