"""A million links: the redirect does not notice."""

from __future__ import annotations

from collections.abc import Callable

from checks.plugin.database import database, settle
from checks.plugin.latency import Times, turn_by_turn
from checks.plugin.seeded import seed
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive

FEW, MANY = 10_000, 1_000_000  # links
LIMIT, BEYOND_DOUBT = 2.0, 5.0  # times the latency at FEW links


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
