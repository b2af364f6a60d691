"""The most clicked links, as a consumer of its own keeps them. Lab 3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from checks.eventually import eventually
from checks.lab1.problem import expect_problem
from checks.plugin.counted import TOPIC, Counts, click_event, link_of
from checks.plugin.kafka_server import Kafka
from checks.plugin.service import Answer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive

LEADS = (300, 200, 100)  # clicks that our links have more than any other
MANY = 20_000  # clicks of another link, beyond which ours would have to be clicked too often
READABLE = 200_000  # events that are read in a second or two
REDIRECTS = 7
PATIENCE = 5.0  # seconds that the list may be out of reach for
WITHIN = 15.0  # seconds until the list has come as far as the clicks


def check_top(stand: Stand, note: Callable[[str], None]) -> None:
    """GET /stats/top shows the most clicked links first, with their clicks, as many as were asked for"""
    service = stand.service
    counts = Counts.begin(stand, len(LEADS))
    most = _most(service, counts.kafka)
    if most > MANY:
        inconclusive(f"a link of this stage has {most:,} clicks: check on a fresh one (`lab down`)")
    wanted = {link: most + lead for link, lead in zip(counts.links, LEADS, strict=True)}
    # The last one is clicked first: whoever shows the newest, or the first, shows the wrong order.
    for link in reversed(counts.links):
        for _ in range(REDIRECTS):
            service.get(f"/{link}")
        counts.kafka.put(TOPIC, [click_event(link) for _ in range(wanted[link] - REDIRECTS)])
    clicks = ", ".join(f"{n:,}" for n in wanted.values())
    did = f"Three links were clicked {clicks} times, more than any other; asked for GET /stats/top?limit=3."
    eventually(lambda: _clicks(_top(service, 3)) == list(wanted.items()), within=WITHIN, every=0.1)
    items = _top(service, 3)
    expect(_clicks(items) == list(wanted.items()), did=did, expected=f"these three: {wanted}", got=_clicks(items))
    urls = [service.get(f"/links/{link}").json()["url"] for link in wanted]
    expect([item.get("url") for item in items] == urls, did=did, expected=f"with their urls {urls}", got=items)
    for limit in (1, 2):
        expect(
            _clicks(_top(service, limit)) == list(wanted.items())[:limit],
            did=f"Asked for GET /stats/top?limit={limit}.",
            expected=f"the first {limit} of them",
            got=_clicks(_top(service, limit)),
        )
    note(f"{most:,} clicks at the top before")


def check_top_refused(service: Service) -> None:
    """A bad limit of GET /stats/top is 422"""
    for text in ("-1", "abc", "1.5"):
        expect_problem(service.get(f"/stats/top?limit={text}"), 422, f"Asked for /stats/top?limit={text}.")
    answer = service.get("/stats/top?limit=99999999999999999999")
    expect(answer.status < 500, did="Asked for a huge limit.", expected="an answer below 500", got=answer)
    answer = _answer(service, "/stats/top")
    expect(answer.status == 200, did="Asked for /stats/top without a limit.", expected="200", got=answer)


def _most(service: Service, kafka: Kafka) -> int:
    """The clicks of the most clicked link, read from the events: the list itself may just be built anew."""
    listed = max((item["clicks"] for item in _top(service, 1)), default=0)
    if sum(kafka.ends(TOPIC).values()) > READABLE:
        return listed
    events = Counter(link_of(record.value) for record in kafka.records(TOPIC))
    del events[None]  # what tells of no link
    return max(listed, *events.values(), 0)


def _answer(service: Service, path: str) -> Answer:
    """The first that is no 503: what another check killed may be just back."""
    answers: list[Answer] = []

    def there() -> bool:
        answers[:] = [service.get(path)]
        return answers[0].status != 503

    eventually(there, within=PATIENCE, every=0.1)
    return answers[0]


def _top(service: Service, limit: int) -> list[dict[str, Any]]:
    answer = _answer(service, f"/stats/top?limit={limit}")
    document = answer.json() if answer.status == 200 else None
    items = document.get("items") if isinstance(document, dict) else None
    whole = isinstance(items, list) and all(isinstance(item, dict) and _whole(item) for item in items)
    expected = '200 {"items": [{"id", "url", "clicks"}]}, `clicks` a whole number'
    expect(whole, did=f"Asked for GET /stats/top?limit={limit}.", expected=expected, got=answer)
    return items or []


def _whole(item: dict[str, Any]) -> bool:
    return isinstance(item.get("id"), str) and isinstance(item.get("clicks"), int) and "url" in item


def _clicks(items: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(item["id"], item["clicks"]) for item in items]
