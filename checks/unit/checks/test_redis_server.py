"""What the checks read in Redis: look-ups counted by key, the keys of a link by name or by value, and their ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from checks.plugin.redis_server import Lookups, RedisServer
from checks.unit.redis import running_redis

LINK = {"id": "abc1234", "url": "https://example.com/some/where"}
OTHER = {"id": "xyz9876", "url": "https://example.com/else"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    with running_redis(tmp_path_factory.mktemp("redis")) as (url, _), redis.Redis.from_url(url) as client:
        yield client


@pytest.fixture
def server(client: redis.Redis) -> RedisServer:
    client.flushall()
    return RedisServer(client)


def test_each_key_of_a_lookup_counts(client: redis.Redis, server: RedisServer) -> None:
    client.mset({"a": "1", "b": "2"})
    before = server.lookups()
    client.mget("a", "b", "c")
    client.eval("return redis.call('GET', KEYS[1])", 1, "a")
    lookups = server.lookups() - before
    assert (lookups.hits, lookups.misses, lookups.share) == (3, 1, 0.75)


def test_no_lookup_is_no_share() -> None:
    assert Lookups(0, 0).share == 0.0


def test_a_key_holds_a_link_by_its_name(client: redis.Redis, server: RedisServer) -> None:
    client.mset({f"link:{LINK['id']}": "anything", "other": "nothing"})
    client.zadd("top", {LINK["id"]: 3})
    assert server.keys_of([LINK, OTHER]) == {LINK["id"]: [f"link:{LINK['id']}".encode()], OTHER["id"]: []}


def test_a_key_holds_a_link_by_its_value(client: redis.Redis, server: RedisServer) -> None:
    client.set("k1", f'{{"url": "{LINK["url"]}"}}')
    client.hset("k2", mapping={"url": LINK["url"]})
    client.zadd("top", {LINK["url"]: 3})
    assert sorted(server.keys_of([LINK])[LINK["id"]]) == [b"k1", b"k2"]


def test_seconds_left(client: redis.Redis, server: RedisServer) -> None:
    client.set("ends", "1", px=60_000)
    client.set("stays", "1")
    left = server.seconds_left([b"ends", b"stays", b"gone"])
    assert left.keys() == {b"ends", b"stays"}
    assert left[b"stays"] is None
    assert 50 < (left[b"ends"] or 0) <= 60


def test_what_expires_is_gone_when_the_call_returns(client: redis.Redis, server: RedisServer) -> None:
    client.mset({"a": "1", "b": "2"})
    server.expire([b"a", b"missing"])
    server.expire([])
    assert client.keys() == [b"b"]
