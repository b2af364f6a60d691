"""Writes that would wait too long for a connection are refused at once; the others, and all reads, are answered."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Counter

from checks.unit.service.running import run
from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.connections import Connections
from shortener.lab4_many_copies.shedding import SheddingConnections

SLOW = "SELECT pg_sleep(0.1)"


def shedding(url: str, size: int, most_seconds: float) -> tuple[SheddingConnections, Counter]:
    shed = Counter("requests_shed", "", registry=CollectorRegistry())
    return SheddingConnections(url, size, most_seconds, shed), shed


def count(shed: Counter) -> float:
    (metric,) = shed.collect()
    return next(sample.value for sample in metric.samples if sample.name == "requests_shed_total")


def test_as_many_wait_as_are_served_in_time(events_url: str) -> None:
    async def scenario() -> None:
        writes, shed = shedding(events_url, 4, 0.5)
        for _ in range(30):
            await writes.fetch(SLOW)  # by now it knows that a query takes a tenth of a second, or what it takes here
        assert writes.expected_wait() == 0
        tasks = [asyncio.create_task(writes.fetch(SLOW)) for _ in range(100)]
        await asyncio.sleep(0)
        at_once = [task for task in tasks if task.done()]  # before anyone could be answered
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [each for each in answers if isinstance(each, Unavailable)]
        assert len(at_once) == len(refused)
        # 4 are served, and those wait whose wait is at most half a second: 20 at 0.1 s each, fewer on a busy machine.
        assert 100 - 24 <= len(refused) <= 100 - 4 - 8
        assert count(shed) == len(refused)
        assert str(refused[0]) == "too many wait for the database already"
        assert await writes.fetch("SELECT 1") == [(1,)]
        await writes.close()

    run(scenario)


def test_nobody_is_refused_where_nobody_waits(events_url: str) -> None:
    """However slow a query is: without a queue there is nothing to shed."""

    async def scenario() -> None:
        writes, shed = shedding(events_url, 2, 0.01)
        for _ in range(3):
            await asyncio.gather(*[writes.fetch(SLOW) for _ in range(2)])
        assert count(shed) == 0
        await writes.close()

    run(scenario)


def test_a_query_that_fails_frees_its_place() -> None:
    async def scenario() -> None:
        writes, shed = shedding("postgresql://lab:lab@127.0.0.1:1/links", 2, 0.5)
        for _ in range(50):
            with pytest.raises(Unavailable, match="out of reach"):
                await writes.fetch("SELECT 1")
        assert writes.expected_wait() == 0
        assert count(shed) == 0

    run(scenario)


def test_reads_do_not_wait_for_writes(events_url: str) -> None:
    async def scenario() -> None:
        writes, _ = shedding(events_url, 4, 60)
        reads = Connections(events_url, 2)
        await reads.fetch("SELECT 1")
        flood = [asyncio.create_task(writes.fetch(SLOW)) for _ in range(40)]
        await asyncio.sleep(0.01)
        for _ in range(5):
            assert await reads.fetch("SELECT 1") == [(1,)]
        assert not all(task.done() for task in flood)
        await asyncio.gather(*flood)
        await writes.close()
        await reads.close()

    run(scenario)
