"""What lab 1 promises of its one file: nothing acknowledged is lost, and reading stays quick while it grows."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from checks.plugin.latency import Times, turn_by_turn
from checks.plugin.load import failing_as, under_load
from checks.plugin.service import Service
from checks.plugin.stand import Stand
from checks.plugin.torn import Killer
from checks.plugin.verdict import expect, inconclusive
from infra.experiment.experiment import At, Load

KILLS, WATCH = (0.8, 1.8, 2.8), 0.5  # seconds after the load began; each kill waits so long for its moment
BEFORE, SOON = 150, 1.0  # links that make a rewrite of the file last; seconds to make them in
LINKS, ENOUGH, PATIENCE = 1500, 300, 6.0  # how many links make a large file; the least; seconds to make them in
LIMIT, BEYOND_DOUBT = 1.6, 4.0  # times the latency of a small file
ROUNDS = 4  # a hiccup of the machine does not repeat itself so often


def check_kill(own_stand: Stand, note: Callable[[str], None]) -> None:
    """No acknowledged link is lost over repeated kill -9 under load"""
    # On a stage of its own: the learner's file shall not be the one that is torn.
    did = f"Killed the service with kill -9 {len(KILLS)} times under load and started it again each time."
    killer = Killer("app", "LINKS_FILE", WATCH)
    load = Load(users=8, seconds=KILLS[-1] + WATCH + 1.0, rate=500, write_share=0.8, links=20)
    schedule = tuple(At(second, "kill -9 app", killer) for second in KILLS)
    _fill(own_stand.service, BEFORE, SOON)
    with failing_as(did, "that it comes back by itself, with the file as the kill left it", lambda: _torn(killer)):
        timeline = under_load(own_stand, load, schedule)
    audit = timeline.audit
    if audit is None:
        inconclusive("nothing was read back after the load")
    note(f"{audit.acknowledged} links acknowledged, {audit.unknown} writes without an answer")
    note(str(killer))
    lost = audit.lost
    example = f", such as {lost[0][1]} (GET /{lost[0][0]})" if lost else ""
    got = f"{_torn(killer)}{len(lost)} of {audit.acknowledged} lost{example}"
    expect(not lost, did=did, expected="every acknowledged link: 201 means that it is on the disk", got=got)


def check_latency(own_stand: Stand, small_stand: Stand, note: Callable[[str], None]) -> None:
    """GET takes as long with a large file as with a small one"""
    made, posts = _fill(own_stand.service, LINKS, PATIENCE)
    if made < ENOUGH:
        inconclusive(f"only {made} links could be created in {PATIENCE:g} s, too few for a large file")
    growth = f"POST took {posts[0] * 1000:.1f} ms at first and {posts[1] * 1000:.1f} ms at the end"
    note(f"{made} links; {growth} (information: what a rewrite of the file costs)")
    small, large = (_getter(stand.service) for stand in (small_stand, own_stand))
    for _ in range(ROUNDS):
        few, many = turn_by_turn(small, large)
        if many.median <= few.median * LIMIT or many.quick > few.quick * BEYOND_DOUBT:
            break
    _judge(few, many, made)


def _judge(few: Times, many: Times, links: int) -> None:
    """A service that reads its file does so at each GET, so that its quickest are slow as well: on a busy machine the
    half of all may be slow by chance."""
    if many.median > few.median * LIMIT and many.quick <= few.quick * LIMIT:
        inconclusive(f"only the slower GETs took longer with {links} links: {few} against {many}")
    expect(
        many.median <= few.median * LIMIT,
        did=f"Timed GET /{{id}} turn by turn on a file with 1 link and on one with {links}.",
        expected=f"at most {LIMIT} times as long",
        got=f"{many.median / few.median:.1f} times: {few} against {many}. Does each GET read the file?",
    )


def _torn(killer: Killer) -> str:
    return f"{killer}. Started again with that, " if killer.cuts else ""


def _fill(service: Service, links: int, patience: float) -> tuple[int, tuple[float, float]]:
    """Create long links, as many as `patience` seconds allow; how many, and seconds a POST at first and at the end."""
    deadline = time.monotonic() + patience
    filler = "x" * 1500

    def create(number: int) -> float:
        if time.monotonic() > deadline:
            return 0.0
        start = time.perf_counter()
        service.create(f"https://example.com/{number}/{filler}")
        return time.perf_counter() - start

    with ThreadPoolExecutor(8) as pool:
        seconds = [second for second in pool.map(create, range(links)) if second]
    tenth = max(1, len(seconds) // 10)
    return len(seconds), (sum(seconds[:tenth]) / tenth, sum(seconds[-tenth:]) / tenth)


def _getter(service: Service) -> Callable[[], float]:
    path = "/" + service.create("https://example.com/timed")["id"]

    def get() -> float:
        answer = service.get(path)
        expect(answer.status == 302, did="Followed a link.", expected="302", got=answer)
        return answer.seconds

    return get
