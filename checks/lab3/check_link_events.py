"""Each change of a link becomes an event on the topic `links`, in order, whatever dies on the way. Lab 3."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Sequence

from checks.eventually import eventually
from checks.lab3.link_changes import KINDS, TOPIC, Change, LinkEvent, Writers, events_of
from checks.plugin.kafka_server import Kafka, Offsets, kafka_of
from checks.plugin.load import failing_as
from checks.plugin.service import Answer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect, inconclusive

WITHIN = 20.0  # seconds until the events are there
STILL = 0.5  # seconds to see that no other one comes
KILLS, BETWEEN = 2, 0.5  # kills of the service; seconds of writing before each
ENOUGH = 20  # acknowledged changes that prove something


def check_link_events(stand: Stand) -> None:
    """A link that is created, changed and deleted makes one event each, in that order; what is refused makes none"""
    kafka, service = kafka_of(stand), stand.service
    since = kafka.ends(TOPIC)
    done = [change for _ in range(3) for change in _live(service)]
    kept = service.create("https://example.com/kept")
    done.append(Change(kept["id"], "created", kept["url"]))
    refused = (
        service.post({"url": "no url"}),
        _change(service, "0000000", "https://example.com/"),
        _change(service, kept["id"], "no url"),
        _delete(service, "0000000"),
        _delete(service, done[0].link_id),  # it is deleted already
    )
    for answer, status in zip(refused, (422, 404, 422, 404, 404), strict=True):
        expect(answer.status == status, did="Asked for what cannot be done.", expected=str(status), got=answer)
    did = "Created three links, changed and deleted each, created a fourth, and asked for changes that were refused."
    links = [*dict.fromkeys(change.link_id for change in done), "0000000"]
    _expect_events(kafka, since, done, did)
    eventually(lambda: _more(kafka, since, links, done), within=STILL)
    events = [event for found in events_of(kafka, since, links).values() for event in found]
    got = f"{len(events)}: {', '.join(str(event.change) for event in events)}"
    expect(len(events) == len(done), did=did, expected=f"{len(done)} events, one for each that was done", got=got)
    for event in events:
        _expect_fields(event, did)


def check_link_events_without_broker(stand: Stand) -> None:
    """With the broker dead links are created, changed and deleted all the same; their events follow when it is back"""
    kafka, service = kafka_of(stand), stand.service
    since = kafka.ends(TOPIC)
    stand.runtime.kill("kafka")
    done = [change for _ in range(3) for change in _live(service)]
    stand.runtime.start("kafka")
    did = f"Killed the broker, made {len(done)} changes, each of them acknowledged, and started it again."
    _expect_events(kafka, since, done, did)


def check_link_events_after_kills(stand: Stand, note: Callable[[str], None]) -> None:
    """Each acknowledged change has its event, also when the service and the relay of the events are killed"""
    kafka, runtime = kafka_of(stand), stand.runtime
    since = kafka.ends(TOPIC)
    victims = ["app"] * KILLS + [box.name for box in runtime.stage.boxes if box.name == "outbox"]
    did = f"Killed (kill -9) {', '.join(victims)}, one after the other, while links were written; started each again."
    writers = Writers(stand.service)
    with failing_as(did, "that each starts again"), writers.at_work():
        for box in victims:
            writers.write_for(BETWEEN)
            runtime.kill(box)
            runtime.start(box)
        writers.write_for(BETWEEN)
    note(f"{len(writers.done)} changes acknowledged, of {writers.asked} that were asked for")
    if len(writers.done) < ENOUGH:
        inconclusive(f"only {len(writers.done)} changes were acknowledged, too few to prove anything")
    _expect_events(kafka, since, writers.done, did)


def _live(service: Service) -> list[Change]:
    """A link is created, changed and deleted, and each of it acknowledged."""
    first, second = (f"https://example.com/{uuid.uuid4().hex}?a=%C3%A9" for _ in range(2))
    link = str(service.create(first)["id"])
    answer = _change(service, link, second)
    expect(answer.status == 200, did="Changed a link with PATCH /links/{id}.", expected="200", got=answer)
    answer = _delete(service, link)
    expect(answer.status == 204, did="Deleted a link with DELETE /links/{id}.", expected="204", got=answer)
    return [Change(link, "created", first), Change(link, "changed", second), Change(link, "deleted", None)]


def _change(service: Service, link: str, url: str) -> Answer:
    kind = {"Content-Type": "application/json"}
    return service.request("PATCH", f"/links/{link}", json.dumps({"url": url}).encode(), kind)


def _delete(service: Service, link: str) -> Answer:
    return service.request("DELETE", f"/links/{link}")


def _expect_events(kafka: Kafka, since: Offsets, done: Sequence[Change], did: str) -> None:
    """Each change has its event in the end, and the events of a link stand in the order of its life."""
    links = list(dict.fromkeys(change.link_id for change in done))
    missing = eventually(lambda: not _missing(kafka, since, links, done), within=WITHIN, every=0.2)
    lost = _missing(kafka, since, links, done) if not missing else []
    got = f"{len(lost)} of {len(done)} have none, such as: {lost[0] if lost else ''}"
    expected = f"an event on the topic `{TOPIC}` for each change that was acknowledged, with its link_id, event and url"
    expect(not lost, did=did, expected=expected, got=got)
    for link, events in events_of(kafka, since, links).items():
        kinds = [event.change.kind for event in events]
        ordered = all(kind in KINDS for kind in kinds) and kinds == sorted(kinds, key=KINDS.index)
        expected = "the events of a link in the order of its changes: created, changed, deleted"
        expect(ordered, did=did, expected=expected, got=f"{', '.join(kinds)} of {link}")
        together = len({event.partition for event in events}) == 1
        expected = "all events of a link in one partition, or nobody can read them in order: key each by its link"
        expect(together, did=did, expected=expected, got=f"those of {link} in several")


def _missing(kafka: Kafka, since: Offsets, links: Iterable[str], done: Iterable[Change]) -> list[Change]:
    found = {event.change for events in events_of(kafka, since, links).values() for event in events}
    return [change for change in done if change not in found]


def _more(kafka: Kafka, since: Offsets, links: Iterable[str], done: Sequence[Change]) -> bool:
    return sum(map(len, events_of(kafka, since, links).values())) > len(done)


def _expect_fields(event: LinkEvent, did: str) -> None:
    fields = event.fields
    named = all(isinstance(fields.get(name), str) and fields[name] for name in ("event_id", "at"))
    expect(named, did=did, expected="`event_id` and `at` in each event", got=fields)
    if event.key != event.change.link_id.encode():
        expected = f"the link's id as the key of its record: {event.change.link_id}"
        raise CheckFailed(did=did, expected=expected, got=str(event.key))
