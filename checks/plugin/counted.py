"""Whether the counts agree with the clicks, once everything that was clicked has been counted. Lab 3."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from checks.plugin.kafka_server import Kafka, Offsets, kafka_of
from checks.plugin.service import NoAnswer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect, inconclusive
from checks.plugin.visitors import Ledger

TOPIC = "clicks"
WITHIN = 30.0  # seconds until everything that was clicked is counted
STILL = 12.0  # seconds in which nothing more is counted, after which nothing more is expected
ENOUGH = 50  # redirects that must have been seen before anything is said of their counts
EXPECTED = "that GET /links/{id} counts each redirect that was seen once"

Bounds = Mapping[str, tuple[int, int]]  # by link: the least and the most clicks that are right


@dataclass
class Counts:
    """The counts of some links as the service tells them, beside what stands in the topic since the check began."""

    service: Service
    kafka: Kafka
    since: Offsets
    links: tuple[str, ...]

    @classmethod
    def begin(cls, stand: Stand, links: int) -> Counts:
        """With so many new links, which nobody has clicked yet."""
        kafka = kafka_of(stand)
        made = tuple(str(stand.service.create(f"https://example.com/counted/{n}")["id"]) for n in range(links))
        return cls(stand.service, kafka, kafka.ends(TOPIC), made)

    def lag(self) -> int | None:
        """How many events the worker has yet to read; None when no group says how far it has come. The group called
        `worker` is the worker's; where there is none, the one that has come furthest."""
        lags = self.kafka.lags(TOPIC)
        return lags.get("worker", min(lags.values(), default=None))

    def events(self) -> Counter[str]:
        """How many events of each link stand in the topic since the check began."""
        values = [record.value for record in self.kafka.records(TOPIC, self.since)]
        return Counter(link for link in map(link_of, values) if link is not None)

    def read(self, links: Iterable[str]) -> dict[str, int]:
        """`clicks` of each link, as the service tells them now."""
        return read_counts(self.service, links)

    def expect(self, ledger: Ledger, did: str, until: float = float("inf"), within: float = WITHIN) -> None:
        """Each redirect in the ledger is counted once. A click with an uncertain end may be counted or not, and so may
        a redirect that was seen after `until` on the monotonic clock."""
        if not ledger.seen:
            last = ledger.clicks[-1].status if ledger.clicks else None
            got = f"none, of {len(ledger.clicks)} clicks; the last answered {last or 'nothing'}"
            raise CheckFailed(did=did, expected="redirects", got=got)
        if ledger.seen < ENOUGH:
            inconclusive(f"only {ledger.seen} redirects were seen, too few to say anything of their counts")
        self.expect_within(ledger.bounds(until), did, within)

    def expect_within(self, bounds: Bounds, did: str, within: float = WITHIN) -> dict[str, int]:
        """The counts, once each is within its bounds and the worker has nothing left to read.

        Raises CheckFailed when that does not come, or as soon as one is too high."""
        deadline, moved, before = time.monotonic() + within, time.monotonic(), None
        while True:
            lag = self.lag()  # first, so that the counts are those of a worker that had read so far
            counts = self.read(bounds)
            many, few = _beyond(bounds, counts)
            if not many and not few and lag == 0:
                return counts
            if before != (lag, counts):
                before, moved = (lag, counts), time.monotonic()
            if many or time.monotonic() > min(deadline, moved + STILL):
                break
            time.sleep(0.1)
        if many or few:
            self._explain(bounds, counts, many, few, did)
        expected = f"that the worker has read all of the topic `{TOPIC}` some seconds later (lag 0)"
        raise CheckFailed(did=did, expected=expected, got=lag_in_words(lag))

    def _explain(
        self, bounds: Bounds, counts: Mapping[str, int], many: Mapping[str, int], few: Mapping[str, int], did: str
    ) -> None:
        wrong, word = (many, "too many") if many else (few, "too few")
        link = max(wrong, key=lambda link: wrong[link])
        (least, most), events = bounds[link], self.events()[link]
        seen = f"{least}" if least == most else f"{least} to {most}"
        by_service = events > most if many else events < least
        deed = ("sent some twice" if by_service else "counted some twice") if many else "lost some"
        got = (
            f"{sum(wrong.values())} clicks {word} at {len(wrong)} of {len(bounds)} links. Such as {link}: {seen}"
            f" redirects, {events} events in the topic `{TOPIC}`, {counts.get(link, 'no')} clicks:"
            f" {'the service' if by_service else 'the worker'} {deed} ({lag_in_words(self.lag())})"
        )
        curl = f"curl -i {self.service.base_url}/links/{link}"
        raise CheckFailed(did=did, expected=EXPECTED, got=got, request=curl)


def _beyond(bounds: Bounds, counts: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """By link: how many clicks are too many, and how many are missing."""
    many = {link: counts.get(link, 0) - most for link, (_, most) in bounds.items()}
    few = {link: least - counts.get(link, 0) for link, (least, _) in bounds.items()}
    return {link: n for link, n in many.items() if n > 0}, {link: n for link, n in few.items() if n > 0}


def read_counts(service: Service, links: Iterable[str]) -> dict[str, int]:
    """`clicks` of each link. One whose answer does not come, or is a 503, is left out."""
    counts: dict[str, int] = {}
    for link in links:
        try:
            answer = service.get(f"/links/{link}")
        except NoAnswer:
            continue
        if answer.status == 503:
            continue
        clicks = answer.json().get("clicks") if answer.status == 200 and isinstance(answer.json(), dict) else None
        whole = isinstance(clicks, int) and not isinstance(clicks, bool)
        expected = "200 and the link with `clicks`, a whole number"
        expect(whole, did="Asked for a link at GET /links/{id}.", expected=expected, got=answer)
        counts[link] = clicks or 0
    return counts


def click_event(link: str) -> bytes:
    """What the service writes for a click of that link now."""
    return orjson.dumps({"event_id": str(uuid.uuid4()), "link_id": link, "at": datetime.now(UTC).isoformat()})


def link_of(value: bytes | None) -> str | None:
    """Whose click an event tells of; None when that is not to be found in it."""
    try:
        event = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    link = event.get("link_id") if isinstance(event, dict) else None
    return link if isinstance(link, str) else None


def lag_in_words(lag: int | None) -> str:
    if lag is None:
        return f"no consumer group says how far it has come in `{TOPIC}`"
    return f"the worker has {lag:,} events left to read (its group's lag)"
