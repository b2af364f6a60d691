"""Events that cannot be handled: set aside with their bytes, and the others are counted all the same. Lab 3."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from checks.eventually import eventually
from checks.plugin.counted import TOPIC, Counts, click_event, lag_in_words
from checks.plugin.kafka_server import Offsets
from checks.plugin.service import Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect

DEAD = "clicks.dead"
GOOD = 5  # events on each side of each poison
REDIRECTS = 20
READ_ON = 15.0  # seconds until the worker has read all of it


def check_poison(stand: Stand, note: Callable[[str], None]) -> None:
    """Events that cannot be handled come to `clicks.dead` unchanged, and all others are counted"""
    counts = Counts.begin(stand, 1)
    link = counts.links[0]
    since = counts.kafka.ends(DEAD)
    poison, odd = _poison(), _odd()
    for partition in counts.since:
        for value in (*poison.values(), *odd.values()):
            good = [click_event(link) for _ in range(GOOD)]
            counts.kafka.put(TOPIC, [*good, value, *good], partition)
    made = len(counts.since) * (len(poison) + len(odd)) * GOOD * 2
    _click(stand.service, link)
    did = f"Put events that cannot be handled into the topic `{TOPIC}`, among {made} good ones, and followed the link."
    read_on = eventually(lambda: counts.lag() == 0, within=READ_ON, every=0.1)
    expected = "that the worker sets them aside and reads on (lag 0)"
    expect(read_on, did=did, expected=expected, got=f"{lag_in_words(counts.lag())}. {_worker(stand)}")
    counts.expect_within({link: (made + REDIRECTS,) * 2}, did)
    expect(_worker(stand) == ALIVE, did=did, expected=ALIVE, got=_worker(stand))
    _expect_dead(counts, since, poison, did)
    note(f"{len(poison)} kinds of poison in {len(counts.since)} partitions, {made} good events among them")


def _poison() -> dict[str, bytes]:
    """By what is wrong with it. A word of this run's own in each tells it from what lay there before."""
    word = uuid.uuid4().hex
    at = datetime.now(UTC).isoformat()
    return {
        "no JSON": f"{{{word}".encode(),
        "no UTF-8": b"\xff\xfe" + word.encode(),
        "a list": orjson.dumps([word]),
        "a bare word": orjson.dumps(word),
        "no link_id": orjson.dumps({"event_id": word, "at": at}),
        "a link_id that is a number": orjson.dumps({"event_id": word, "link_id": 7, "at": at}),
        "a link_id that is an object": orjson.dumps({"event_id": word, "link_id": {"id": word}, "at": at}),
    }


def _odd() -> dict[str, bytes | None]:
    """Strange, and whether it can be handled is the worker's to say: it must not stumble, that is all."""
    event = {"event_id": uuid.uuid4().hex, "at": datetime.now(UTC).isoformat()}
    return {
        "nothing": b"",
        "no value": None,
        "a link that nobody has": orjson.dumps({**event, "link_id": "0000000"}),
        "NUL in a link_id": orjson.dumps({**event, "link_id": "ab\x00cdef"}),
        "half a surrogate pair": b'{"event_id": "1", "link_id": "\\ud800", "at": "2026-01-01T00:00:00Z"}',
        "a long link_id": orjson.dumps({**event, "link_id": "x" * 20_000}),
    }


def _click(service: Service, link: str) -> None:
    for _ in range(REDIRECTS):
        answer = service.get(f"/{link}")
        expect(answer.status == 302, did="Followed a link.", expected="302", got=answer)


ALIVE = "The worker lives"


def _worker(stand: Stand) -> str:
    now = next((box.state for box in stand.runtime.status() if box.name == "worker"), "absent")
    return ALIVE if now == "running" else f"The worker is {now}"


def _expect_dead(counts: Counts, since: Offsets, poison: dict[str, bytes], did: str) -> None:
    def missing() -> list[str]:
        found = {record.value for record in counts.kafka.records(DEAD, since)}
        return [kind for kind, value in poison.items() if value not in found]

    eventually(lambda: not missing(), within=10.0, every=0.1)
    lost = missing()
    expected = f"each of them in the topic `{DEAD}`, byte for byte as it was"
    expect(not lost, did=did, expected=expected, got=f"these are not there: {', '.join(lost)}")
