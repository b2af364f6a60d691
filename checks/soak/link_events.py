"""Whether the topic `links` tells of every change of a link that was acknowledged, each link's own in order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from infra.experiment.lag import bootstrap
from infra.experiment.timeline import Request
from infra.runtime.protocol import Runtime

Change = tuple[str, str | None]  # the event, and the url that the link has since then
_NAMES = {"POST /links": "created", "PATCH /links/{id}": "changed", "DELETE /links/{id}": "deleted"}
_PATIENCE = 20.0  # seconds without a further event after which the rest is missing


def acknowledged_changes(requests: Iterable[Request]) -> dict[str, list[Change]]:
    """By link, in the order of time."""
    changes: dict[str, list[Change]] = {}
    for request in requests:
        event = _NAMES.get(request.name)
        if event is not None and request.outcome == "ok":
            change = event, None if event == "deleted" else request.url
            if change not in changes.setdefault(request.link_id, []):  # a repeated POST made nothing new
                changes[request.link_id].append(change)
    return changes


def missing_events(stage: Runtime, expected: Mapping[str, list[Change]]) -> dict[str, list[Change]]:
    """The links whose changes are not all told, or not in order, with what was told of them. Waits for them to come."""
    told: dict[str, list[Change]] = {}
    missing = set(expected)
    consumer = Consumer({"bootstrap.servers": bootstrap(stage), "group.id": "soak", "log_level": 0})
    try:
        partitions = consumer.list_topics("links", timeout=5.0).topics["links"].partitions
        consumer.assign([TopicPartition("links", number, OFFSET_BEGINNING) for number in partitions])
        give_up = time.monotonic() + _PATIENCE
        while missing and time.monotonic() < give_up:
            for message in consumer.consume(1000, timeout=0.2):
                if message.error() is None:
                    _note(told, message.value() or b"")
                    give_up = time.monotonic() + _PATIENCE
            missing = {link for link in missing if not in_order(expected[link], told.get(link, []))}
    finally:
        consumer.close()
    return {link: told.get(link, []) for link in sorted(missing)}


def in_order(expected: list[Change], told: list[Change]) -> bool:
    """Whether `told` holds all of `expected` in that order; what comes twice, or was unknown, may lie in between."""
    rest = iter(told)
    return all(change in rest for change in expected)


def _note(told: dict[str, list[Change]], value: bytes) -> None:
    event = orjson.loads(value)
    told.setdefault(event["link_id"], []).append((event["event"], event["url"]))
