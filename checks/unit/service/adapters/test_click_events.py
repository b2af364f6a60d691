"""Clicks reach Kafka once each, wait for it while it is away, in bounds, and keep nobody waiting."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from datetime import datetime

import orjson
import pytest
from prometheus_client import CollectorRegistry

from checks.unit.service.broker import Broker
from checks.unit.service.clicks import some_links
from checks.unit.service.running import run
from shortener.lab3_cache_and_events import click_events
from shortener.lab3_cache_and_events.click_events import CLOSE_SECONDS, ClickEvents

NOBODY = "127.0.0.1:1"  # a broker that is never there


class Clicks(ClickEvents):
    """With its metrics at hand."""

    def __init__(self, servers: str) -> None:
        self._registry = CollectorRegistry()
        super().__init__(servers, self._registry)

    def figure(self, outcome: str) -> float | None:
        return self._registry.get_sample_value("click_events_total", {"outcome": outcome})

    @property
    def waiting(self) -> float | None:
        return self._registry.get_sample_value("click_events_waiting")


async def until(clicks: Clicks, outcome: str, count: int, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while clicks.figure(outcome) != count:
            await asyncio.sleep(0.01)


def test_each_click_is_an_event_of_its_own(broker: Broker) -> None:
    since, links = broker.kafka.ends("clicks"), some_links(1_000)

    async def scenario() -> None:
        for part in (links[:500], links[500:]):  # two copies of the service
            clicks = Clicks(broker.servers)
            for link_id in part:
                clicks.record(link_id)
                await asyncio.sleep(0)
            await until(clicks, "sent", 500)
            assert (clicks.figure("dropped"), clicks.waiting) == (0, 0)
            await clicks.close()

    run(scenario)
    events = [orjson.loads(record.value or b"") for record in broker.kafka.records("clicks", since)]
    assert Counter(event["link_id"] for event in events) == Counter(links)
    assert len({event["event_id"] for event in events}) == 1_000
    assert all(set(event) == {"event_id", "link_id", "at"} for event in events)
    assert all(abs(datetime.fromisoformat(event["at"]).timestamp() - time.time()) < 120 for event in events)


def test_what_is_left_is_sent_at_the_end(broker: Broker) -> None:
    since = broker.kafka.ends("clicks")

    async def scenario() -> None:
        clicks = Clicks(broker.servers)
        for link_id in some_links(100):
            clicks.record(link_id)
        await clicks.close()

    run(scenario)
    assert len(broker.kafka.records("clicks", since)) == 100


def test_a_click_lies_in_kafka_well_within_a_tenth_of_a_second(broker: Broker) -> None:
    async def scenario() -> None:
        clicks, seconds = Clicks(broker.servers), []
        for number in range(1, 21):
            start = time.monotonic()
            clicks.record("abcdefg")
            await until(clicks, "sent", number)
            seconds.append(time.monotonic() - start)
        await clicks.close()
        assert sorted(seconds)[len(seconds) // 2] < 0.1

    run(scenario)


def test_while_the_broker_is_killed_clicks_wait_and_are_sent_once_each_when_it_is_back(broker: Broker) -> None:
    since, links = broker.kafka.ends("clicks"), some_links(4_000)

    async def scenario() -> None:
        clicks = Clicks(broker.servers)
        for number, link_id in enumerate(links):
            clicks.record(link_id)
            if number == 2_000:  # in the middle of sending
                await asyncio.to_thread(broker.kill)
            if number % 20 == 0:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.1)
        assert clicks.waiting
        await asyncio.to_thread(broker.start)
        await until(clicks, "sent", len(links))
        assert clicks.figure("dropped") == 0
        await clicks.close()

    asyncio.run(scenario())
    events = [orjson.loads(record.value or b"") for record in broker.kafka.records("clicks", since)]
    assert Counter(event["link_id"] for event in events) == Counter(links)
    assert len({event["event_id"] for event in events}) == len(links)


def test_without_a_broker_the_buffer_is_bounded_and_what_overflows_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(click_events.BOUNDS, "queue.buffering.max.messages", 1_000)

    async def scenario() -> None:
        clicks = Clicks(NOBODY)
        for link_id in some_links(1_500):
            clicks.record(link_id)
        await asyncio.sleep(0.05)
        assert [clicks.figure("sent"), clicks.figure("dropped"), clicks.waiting] == [0, 500, 1_000]
        clicks.record("abcdefg")
        await asyncio.sleep(0.05)
        assert clicks.figure("dropped") == 501
        await clicks.close()

    run(scenario)


def test_the_end_does_not_wait_for_a_broker_that_is_not_there_and_tells_the_loss(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        clicks = Clicks(NOBODY)
        clicks.record("abcdefg")
        beats, start = 0, time.monotonic()
        closing = asyncio.create_task(clicks.close())
        while not closing.done():
            await asyncio.sleep(0.01)
            beats += 1
        assert time.monotonic() - start < CLOSE_SECONDS + 1
        assert beats > 20, "the loop stood still"

    with caplog.at_level(logging.WARNING):
        run(scenario)
    assert "1 clicks are lost" in caplog.text


def test_what_an_event_that_cannot_be_delivered_costs_is_one_dropped_click(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click_events, "MESSAGE_TIMEOUT_MS", 200)

    async def scenario() -> None:
        clicks = Clicks(NOBODY)
        clicks.record("abcdefg")
        await until(clicks, "dropped", 1)
        assert (clicks.figure("sent"), clicks.waiting) == (0, 0)
        await clicks.close()

    run(scenario)
