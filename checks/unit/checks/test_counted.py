"""The judge of the counts: exact is right, anything else is told with the side that is to blame."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import cast

import pytest

from checks.plugin.counted import Counts, click_event, link_of
from checks.plugin.kafka_server import Kafka, Record
from checks.plugin.service import Answer, Sent, Service
from checks.plugin.verdict import CheckFailed, Inconclusive
from checks.plugin.visitors import Click, Ledger


@dataclass
class FakeKafka:
    events: Counter[str]
    groups: dict[str, int]

    def lags(self, topic: str) -> dict[str, int]:
        return self.groups

    def records(self, topic: str, since: object) -> list[Record]:
        return [Record(0, n, None, click_event(link), {}) for n, link in enumerate(self.events.elements())]


@dataclass
class FakeService:
    clicks: dict[str, int]
    status: int = 200
    base_url: str = "http://127.0.0.1:9"
    asked: list[str] = field(default_factory=list)

    def get(self, path: str) -> Answer:
        self.asked.append(path)
        body = f'{{"clicks": {self.clicks.get(path[7:], 0)}}}'.encode()
        return Answer(self.status, {}, body, 0.0, Sent(self.base_url, "GET", path, {}, None))


def judge(counted: int, events: int, lags: dict[str, int] | None = None, status: int = 200) -> None:
    """Link a was redirected 5 times, and once with an uncertain end."""
    kafka = FakeKafka(Counter(a=events), {"worker": 0} if lags is None else lags)
    service = FakeService({"a": counted}, status)
    counts = Counts(cast(Service, service), cast(Kafka, kafka), {}, ("a",))
    counts.expect_within({"a": (5, 6)}, "Clicked.", within=0.05)


@pytest.mark.parametrize("counted", [5, 6])
def test_what_lies_within_the_bounds_is_right(counted: int) -> None:
    judge(counted, counted)


@pytest.mark.parametrize(
    ("counted", "events", "says"),
    [
        (4, 5, "1 clicks too few .* the worker lost some"),
        (4, 4, "1 clicks too few .* the service lost some"),
        (8, 6, "2 clicks too many .* the worker counted some twice"),
        (8, 8, "2 clicks too many .* the service sent some twice"),
    ],
)
def test_what_does_not_is_told_with_who_is_to_blame(counted: int, events: int, says: str) -> None:
    with pytest.raises(CheckFailed, match=says):
        judge(counted, events)


def test_a_worker_that_has_not_read_everything_may_yet_count_too_much() -> None:
    with pytest.raises(CheckFailed, match="3 events left to read"):
        judge(5, 5, {"worker": 3, "toplist": 0})


def test_a_group_of_another_name_may_be_the_workers() -> None:
    judge(5, 5, {"counter": 0, "slow": 7})


def test_no_group_at_all_is_told() -> None:
    with pytest.raises(CheckFailed, match="no consumer group says how far it has come"):
        judge(5, 5, {})


def test_a_service_that_cannot_say_has_not_counted() -> None:
    with pytest.raises(CheckFailed, match="no clicks"):
        judge(5, 5, status=503)


def test_without_redirects_nothing_is_proved() -> None:
    counts = Counts(cast(Service, FakeService({})), cast(Kafka, FakeKafka(Counter(), {})), {}, ())
    with pytest.raises(CheckFailed, match="redirects"):
        counts.expect(Ledger([Click("a", 0.0, 0.1, 503)]), "Clicked.")
    with pytest.raises(CheckFailed, match="redirects"):
        counts.expect(Ledger(), "Clicked.")
    with pytest.raises(Inconclusive, match="too few"):
        counts.expect(Ledger([Click("a", 0.0, 0.1, 302)]), "Clicked.")


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"7", b'{"link_id": 7}', b"\xff"])
def test_poison_is_nobodys_click(value: bytes | None) -> None:
    assert link_of(value) is None
