"""A group member whose client has silently given up its broker begins anew; one that has its part stays. Lab 3."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shortener.lab3_cache_and_events import consumer
from shortener.lab3_cache_and_events.consumer import Batch, Failures, Follower
from shortener.lab3_cache_and_events.process import Stopping

LEFT_OUT = 0.2
MANY = 5 * LEFT_OUT


class Client:
    """Stands in for librdkafka's: it is never told of a message. `joins` says whether it gets a part, and of what."""

    made: list[Client]
    joins: Sequence[Any] | None

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.closed, self._told = False, self.joins is None
        self.made.append(self)

    def subscribe(self, topics: Sequence[str], on_assign: Callable[..., None], **_: Any) -> None:
        self._on_assign = on_assign

    def consume(self, count: int, seconds: float) -> list[Any]:
        time.sleep(0.01)
        if not self._told:
            self._told = True
            self._on_assign(self, self.joins)
        return []

    def assign(self, partitions: Sequence[Any]) -> None:
        assert partitions == self.joins

    def close(self) -> None:
        self.closed = True


class NoResults:
    failures: Failures = ()

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        return {}

    def apply(self, batch: Batch) -> bool:
        raise AssertionError("there is no message")


class Until(Stopping):
    """Asked to stop when there have been so many clients, or after a while."""

    def __init__(self, clients: int) -> None:
        self._clients, self._end = clients, time.monotonic() + MANY

    @property
    def requested(self) -> bool:  # type: ignore[override]
        return len(Client.made) >= self._clients or time.monotonic() > self._end


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setattr(consumer, "Consumer", Client)
    monkeypatch.setattr(consumer, "LEFT_OUT_SECONDS", LEFT_OUT)
    monkeypatch.setattr(Client, "made", [], raising=False)
    monkeypatch.setattr(Client, "joins", None, raising=False)


def clients_made(until: int) -> list[Client]:
    Follower("clicks", "worker", 10, CollectorRegistry(), Until(until)).follow(NoResults())
    return Client.made


def test_one_that_gets_no_part_begins_anew_with_another_client() -> None:
    began = time.monotonic()
    assert [client.closed for client in clients_made(until=3)] == [True] * 3
    assert time.monotonic() - began >= 2 * LEFT_OUT


def test_one_whose_part_is_nothing_stays_a_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """More members than partitions."""
    monkeypatch.setattr(Client, "joins", [])
    assert len(clients_made(until=2)) == 1
