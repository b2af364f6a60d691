"""Changes of links, what the service said to each, and the events that the topic `links` has of them. Lab 3."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from checks.plugin.kafka_server import Kafka, Offsets
from checks.plugin.service import LIMIT, SLACK, Service
from infra.experiment.keepalive import Connection

TOPIC = "links"
KINDS = ("created", "changed", "deleted")
BREATH = 0.02  # seconds until a writer who got no answer comes again


@dataclass(frozen=True)
class Change:
    """Something that was acknowledged: what kind, and the link's url after it."""

    link_id: str
    kind: str
    url: str | None

    def __str__(self) -> str:
        return f"{self.kind} {self.link_id}"


@dataclass
class Writers:
    """People who make a link, change it and delete it, again and again, one connection each; `done` is what was
    acknowledged to them, in its order for each link. What they got no answer to may have been done."""

    service: Service
    done: list[Change] = field(default_factory=list)
    asked: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self, number: int = 3) -> Iterator[None]:
        """So many write while the block runs."""
        self._ended.clear()
        threads = [threading.Thread(target=self._write, name=f"writer-{n}") for n in range(number)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()
            self.service.count += self.asked

    def write_for(self, seconds: float) -> None:
        self._ended.wait(seconds)

    def _write(self) -> None:
        with Connection(self.service.host_port, timeout=LIMIT + SLACK) as connection:
            while not self._ended.is_set():
                if not self._one_link(connection):
                    self._ended.wait(BREATH)

    def _one_link(self, connection: Connection) -> bool:
        """One link's life; False as soon as something is not acknowledged."""
        first, second = (f"https://example.com/{uuid.uuid4().hex}" for _ in range(2))
        link = self._ask(connection, "POST", "/links", first)
        if link is None:
            return False
        link_id = str(orjson.loads(link)["id"])
        self.done.append(Change(link_id, "created", first))
        if self._ask(connection, "PATCH", f"/links/{link_id}", second) is None:
            return False
        self.done.append(Change(link_id, "changed", second))
        if self._ask(connection, "DELETE", f"/links/{link_id}") is None:
            return False
        self.done.append(Change(link_id, "deleted", None))
        return True

    def _ask(self, connection: Connection, method: str, path: str, url: str | None = None) -> bytes | None:
        """The answer's body; None unless it was acknowledged."""
        self.asked += 1
        try:
            answer = connection.ask(method, path, None if url is None else orjson.dumps({"url": url}))
        except OSError:
            return None
        return answer.body if 200 <= answer.status < 300 else None


@dataclass(frozen=True)
class LinkEvent:
    """An event as it stands in the topic; `fields` is its JSON, or says nothing when it is none."""

    partition: int
    key: bytes | None
    fields: dict[str, Any]

    @property
    def change(self) -> Change:
        return Change(str(self.fields.get("link_id")), str(self.fields.get("event")), self.fields.get("url"))


def events_of(kafka: Kafka, since: Offsets, links: Iterable[str]) -> dict[str, list[LinkEvent]]:
    """The events of those links by link, in the topic's order. One that came again (it may) counts once."""
    found: dict[str, list[LinkEvent]] = {link: [] for link in links}
    known: set[str] = set()
    for record in kafka.records(TOPIC, since):
        fields = _json(record.value)
        link, event_id = fields.get("link_id"), str(fields.get("event_id"))
        if link in found and event_id not in known:
            known.add(event_id)
            found[link].append(LinkEvent(record.partition, record.key, fields))
    return found


def _json(value: bytes | None) -> dict[str, Any]:
    try:
        fields = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}
