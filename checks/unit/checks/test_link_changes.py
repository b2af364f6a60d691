"""How the topic `links` is read: what came twice counts once, and what is no event is nobody's."""

from __future__ import annotations

from typing import Any, cast

import orjson

from checks.lab3.link_changes import Change, events_of
from checks.plugin.kafka_server import Kafka, Record


class FakeKafka:
    def __init__(self, *values: bytes | None) -> None:
        self.values = values

    def records(self, topic: str, since: object) -> list[Record]:
        return [Record(0, n, b"a", value, {}) for n, value in enumerate(self.values)]


def event(event_id: str, kind: str, link: str = "a", **more: Any) -> bytes:
    return orjson.dumps({"event_id": event_id, "event": kind, "link_id": link, "url": None, **more})


def test_an_event_that_came_again_counts_where_it_was_first() -> None:
    again = event("1", "created"), event("2", "changed"), event("1", "created"), event("2", "changed")
    found = events_of(cast(Kafka, FakeKafka(*again, event("3", "deleted"))), {}, ["a"])["a"]
    assert [one.change.kind for one in found] == ["created", "changed", "deleted"]


def test_others_links_and_what_is_no_event_are_left_out() -> None:
    kafka = FakeKafka(b"{", None, b"[]", event("1", "created", "other"), event("2", "created", url="http://x"))
    found = events_of(cast(Kafka, kafka), {}, ["a", "b"])
    assert [one.change for one in found["a"]] == [Change("a", "created", "http://x")]
    assert found["b"] == []
