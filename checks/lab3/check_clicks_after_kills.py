"""Clicks while something dies: the counts equal the redirects that were seen, exactly. Lab 3.

A click whose answer never came may be counted or not: it widens the range. Only a kill -9 of the service itself may
cost clicks that were seen, those of its last 100 ms: they were on their way to Kafka."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from checks.eventually import eventually
from checks.plugin.counted import Counts
from checks.plugin.load import failing_as
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed
from checks.plugin.visitors import Ledger, Visitors

WORKER_KILLS = 3
PAUSE = 0.3  # seconds that a box stays dead
GRACE = 0.1  # seconds of clicks that a kill -9 of the service may cost
ROUNDS, AGAINST = 3, 2  # kills of the service at most; so many that cost more are no hiccup of the machine
SLOT = 0.05  # seconds in which one link is clicked, so that a lost click has a time
SERVICE_SECONDS = 1.3  # of load before each kill of the service
SETTLED = 12.0  # seconds until its clicks are counted, when only the service was killed
PROGRESS = 10.0  # seconds until a worker that was started reads on, or the first clicks are counted


def check_clicks_worker_killed(stand: Stand, note: Callable[[str], None]) -> None:
    """The counts stay exact when the worker is killed in mid-batch"""
    counts = Counts.begin(stand, 20)
    did = f"Killed the worker (kill -9) {WORKER_KILLS} times under load, started it again each time."
    with failing_as(did, "that it starts again"), Visitors(stand.service, counts.links) as visitors:
        for number in range(WORKER_KILLS):
            if number != 1:
                visitors.click_for(random.uniform(0.2, 0.5))
            stand.runtime.kill("worker")
            visitors.click_for(PAUSE)
            waiting = counts.lag()
            stand.runtime.start("worker")
            # What has piled up is a batch for it. The first sign that it has begun is the moment for the second kill.
            eventually(lambda: _less(counts.lag(), waiting), within=PROGRESS, every=0.01)  # noqa: B023 - called here
    note(f"{visitors.ledger}")
    counts.expect(visitors.ledger, did)


def check_clicks_stores_killed(stand: Stand, note: Callable[[str], None]) -> None:
    """The counts stay exact when Redis is killed, and when Postgres is killed"""
    counts = Counts.begin(stand, 20)
    did = "Killed Redis (kill -9) under load and started it again, then Postgres."
    with Visitors(stand.service, counts.links) as visitors:
        for box in ("redis", "postgres"):
            visitors.click_for(0.5)
            eventually(lambda: any(counts.read(counts.links).values()), within=PROGRESS)  # a store forgets what it has
            stand.runtime.kill(box)
            visitors.click_for(PAUSE)
            stand.runtime.start(box)
        visitors.click_for(0.7)
    note(f"{visitors.ledger}")
    counts.expect(visitors.ledger, did)


def check_clicks_service_killed(stand: Stand, note: Callable[[str], None]) -> None:
    """A kill -9 of the service costs the clicks of its last 100 ms at most"""
    against: list[CheckFailed] = []
    for number in range(ROUNDS):
        try:
            _kill_service(stand, note)
        except CheckFailed as failure:
            against.append(failure)
        if len(against) == AGAINST:
            raise against[-1]
        if number + 1 - len(against) == AGAINST:
            return


def _kill_service(stand: Stand, note: Callable[[str], None]) -> None:
    counts = Counts.begin(stand, int(SERVICE_SECONDS / SLOT) + 20)
    began = time.monotonic()

    def slot(now: float) -> str:
        return counts.links[int((now - began) / SLOT) % len(counts.links)]

    did = "Killed the service (kill -9) under load. Clicks of its last 100 ms may be lost, no older ones."
    with Visitors(stand.service, counts.links, choose=slot) as visitors:
        visitors.click_for(SERVICE_SECONDS)
        stand.runtime.kill("app")
    with failing_as(did, "that it starts again"):
        stand.runtime.start("app")
    ledger = visitors.ledger
    last = max((click.end for click in ledger.clicks if click.seen), default=began)  # it lived until then, at least
    counts.expect(ledger, did, until=last - GRACE, within=SETTLED)
    note(f"{ledger}; {_lost(ledger, counts, last)}")


def _lost(ledger: Ledger, counts: Counts, last: float) -> str:
    counted = counts.read(counts.links)
    lost = {link: least - counted.get(link, 0) for link, (least, _) in ledger.bounds().items()}
    lost = {link: missing for link, missing in lost.items() if missing > 0}
    if not lost:
        return "none was lost"
    oldest = min(click.start for click in ledger.clicks if click.seen and click.link_id in lost)
    return f"{sum(lost.values())} were lost, none older than {1000 * (last - oldest):.0f} ms"


def check_clicks_service_stopped(stand: Stand, note: Callable[[str], None]) -> None:
    """A restart of the service by SIGTERM costs no click"""
    counts = Counts.begin(stand, 10)
    did = "Restarted the service (SIGTERM) twice under load."
    with failing_as(did, "that it starts again"), Visitors(stand.service, counts.links) as visitors:
        for _ in range(2):
            visitors.click_for(0.5)
            stand.runtime.restart("app")
        visitors.click_for(0.3)
    note(f"{visitors.ledger}")
    counts.expect(visitors.ledger, did)


def _less(lag: int | None, than: int | None) -> bool:
    return lag is not None and (than is None or lag < than)
