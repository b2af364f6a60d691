"""People who follow links through the balancer while something is done to the copies: not one GET may fail. Lab 4."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from checks.eventually import eventually
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect, inconclusive
from checks.plugin.visitors import Ledger, Visitors

LINKS, USERS, RATE = 10, 6, 300
ENOUGH = 100  # GETs that prove something
SOON = 6.0  # seconds until a stage that has just come up follows a link


@contextmanager
def followed(stand: Stand, did: str, note: Callable[[str], None], rate: float = RATE) -> Iterator[Visitors]:
    """Links are followed meanwhile, by clients that never send a GET twice. Afterwards none of them may have failed."""
    service = stand.service
    links = [str(service.create(f"https://example.com/followed/{number}")["id"]) for number in range(LINKS)]
    for link in links:
        redirects = eventually(lambda: service.get(f"/{link}").status == 302, within=SOON)  # noqa: B023 - called here
        did_first = f"Created a link and followed it for {SOON:g} s."
        expect(redirects, did=did_first, expected="302", got=service.get(f"/{link}"))
    with Visitors(service, links, users=USERS, rate=rate) as visitors:
        yield visitors
    expect_all_served(visitors.ledger, did, note)


def expect_all_served(ledger: Ledger, did: str, note: Callable[[str], None]) -> None:
    """Each GET was answered with its redirect."""
    failed = [click for click in ledger.clicks if not click.seen]
    if failed or not ledger.clicks:
        kinds = Counter(str(click.status or "no answer") for click in failed)
        words = ", ".join(f"{times} times {kind}" for kind, times in kinds.most_common())
        got = f"{len(failed)} of {len(ledger.clicks)} GETs failed: {words}" if failed else "no GET at all"
        raise CheckFailed(did=did, expected="that not one GET fails: the other copies answer", got=got)
    if ledger.seen < ENOUGH:
        inconclusive(f"only {ledger.seen} links were followed meanwhile, too few to say anything")
    note(f"{ledger.seen:,} GETs, none failed")
