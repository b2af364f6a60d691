"""The top list counts each click once, after any kill of its process too, and anew when Redis has forgotten it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from checks.eventually import eventually
from checks.plugin.kafka_server import Offsets
from checks.unit.service.broker import Broker
from checks.unit.service.clicks import clicks_on, put, some_links
from checks.unit.service.processes import Process, running_process
from shortener.lab3_cache_and_events.clicks_in import clicks_in
from shortener.lab3_cache_and_events.keys import TOP, TOP_OFFSETS


@pytest.fixture
def since(broker: Broker, redis_url: str) -> Offsets:
    """Where the log ends: the list begins there, for what lies before it is of other tests."""
    ends = broker.kafka.ends("clicks")
    with redis.Redis.from_url(redis_url) as client:
        client.hset(TOP_OFFSETS, mapping={str(partition): str(end) for partition, end in ends.items()})
    return ends


@pytest.fixture
def toplist(broker: Broker, redis_url: str, since: Offsets, tmp_path: Path) -> Iterator[Process]:
    with running_process("toplist", tmp_path, KAFKA_BOOTSTRAP_SERVERS=broker.servers, REDIS_URL=redis_url) as process:
        yield process


def listed(redis_url: str) -> Counter[str]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        pairs = client.zrange(TOP, 0, -1, withscores=True)
        return Counter({str(link_id): int(clicks) for link_id, clicks in pairs})


def expect_list(redis_url: str, links: list[str]) -> None:
    eventually(lambda: listed(redis_url).total() >= len(links), within=60)
    assert listed(redis_url) == Counter(links)


def test_it_counts_by_link_and_leaves_out_what_is_no_click(toplist: Process, broker: Broker, redis_url: str) -> None:
    links = some_links(3_000)
    put(broker, "clicks", [b"poison", *clicks_on(links), None])
    expect_list(redis_url, links)
    assert eventually(lambda: broker.kafka.lags("clicks").get("toplist") == 0, within=20)
    assert toplist.stop() == 0


def test_killed_again_and_again_it_counts_each_click_once(toplist: Process, broker: Broker, redis_url: str) -> None:
    links: list[str] = []
    for kill in range(3):
        more = some_links(30_000, seed=kill)
        links += more
        put(broker, "clicks", clicks_on(more))
        toplist.kill()
        toplist.start()
    expect_list(redis_url, links)


def test_what_redis_has_forgotten_is_counted_anew_from_the_log(
    toplist: Process, broker: Broker, redis_url: str
) -> None:
    put(broker, "clicks", clicks_on(some_links(1_000)))
    expect_list(redis_url, some_links(1_000))
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    clicks, _ = clicks_in([record.value for record in broker.kafka.records("clicks")])
    whole = Counter(clicks)
    assert eventually(lambda: listed(redis_url) == whole, within=60)
    put(broker, "clicks", clicks_on(["newlink"]))
    assert eventually(lambda: listed(redis_url) == whole + Counter(["newlink"]), within=60)
    assert toplist.is_running()
