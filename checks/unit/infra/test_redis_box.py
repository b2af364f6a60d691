"""The native Redis: its password, its settings, and how it ends."""

from __future__ import annotations

import stat
from pathlib import Path

import psutil
import pytest
import redis

from checks.unit.infra.helpers import soon
from checks.unit.native import plan_for, running, start
from checks.unit.redis import running_redis
from infra.boxes.redis import RedisBox
from infra.compose.box import Box, NativeBox
from infra.errors import LabError

AWKWARD = 'p"a\\s s#w$ord'


def box(*words: str) -> Box:
    return Box("redis", (), frozenset(), {}, words, (), (), {}, NativeBox("redis"))


def test_it_asks_for_its_password_and_tells_nobody(tmp_path: Path) -> None:
    plan = plan_for(box("sh", "-c", "script", "valkey-server", "--save", ""), tmp_path, {"REDIS_PASSWORD": AWKWARD})
    with running(plan) as process, redis.Redis(port=plan.port, password=AWKWARD) as client:
        assert client.ping()
        with pytest.raises(redis.AuthenticationError), redis.Redis(port=plan.port) as stranger:
            stranger.ping()
        words = [word for member in process.members() for word in psutil.Process(member.pid).cmdline()]
        assert not any(AWKWARD in word for word in words)
        assert AWKWARD not in (tmp_path / "log").read_text()
        assert stat.S_IMODE((plan.work / "valkey.conf").stat().st_mode) == 0o600


def test_the_compose_files_settings_are_its_own(tmp_path: Path) -> None:
    words = ("valkey-server", "--maxmemory", "3mb", "--maxmemory-policy", "volatile-lru", "--save", "")
    plan = plan_for(box("sh", "-c", "script", *words), tmp_path, {"REDIS_PASSWORD": "x"})
    with running(plan), redis.Redis(port=plan.port, password="x", decode_responses=True) as client:
        wanted = {"maxmemory": str(3 << 20), "maxmemory-policy": "volatile-lru", "save": "", "bind": "127.0.0.1"}
        assert client.config_get("maxmemory", "maxmemory-policy", "save", "bind") == wanted


def test_it_is_not_ready_while_it_is_dead_or_wants_another_password(tmp_path: Path) -> None:
    plan, other = (plan_for(box("valkey-server"), tmp_path, {"REDIS_PASSWORD": word}) for word in ("one", "two"))
    with running(plan) as process:
        wrong = plan_for(box(), tmp_path, {"REDIS_PASSWORD": "two"})
        assert RedisBox().obstacle(plan) == ""
        assert "got no answer" in RedisBox().obstacle(other)
        stranger = type(wrong)(**{**vars(wrong), "port": plan.port})
        assert "WRONGPASS" in RedisBox().obstacle(stranger)
        process.kill()
        assert "got no answer" in RedisBox().obstacle(plan)
        start(plan, process)
        soon(lambda: RedisBox().obstacle(plan) == "", within=30)


def test_what_it_holds_is_gone_with_it_unless_it_is_told_to_keep_it(tmp_path: Path) -> None:
    for name, settings, kept in (("a", (), None), ("b", ("--appendonly", "yes"), b"here")):
        for value in (None, kept):
            with running_redis(tmp_path / name, *settings) as (url, _), redis.Redis.from_url(url) as client:
                assert client.get("key") == value
                client.set("key", "here")


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="redis has no REDIS_PASSWORD"):
        RedisBox().prepare(plan_for(box(), tmp_path, {}), print)
