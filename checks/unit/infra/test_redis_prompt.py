"""`lab connect redis` without a valkey-cli: what is typed is sent as it is, and the reply is shown."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.eventually import eventually
from checks.unit.native import plan_for, running
from infra.boxes.native import Plan
from infra.boxes.redis import RedisBox
from infra.compose.box import Box, NativeBox


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plan]:
    """A Redis that runs, on a machine without its client."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    box = Box("redis", (), frozenset(), {}, ("valkey-server", "--save", ""), (), (), {}, NativeBox("redis"))
    made = plan_for(box, tmp_path, {"REDIS_PASSWORD": "not to be seen"})
    with running(made):
        yield made


def test_commands_and_replies(plan: Plan) -> None:
    command = RedisBox().client(plan)
    assert "not to be seen" not in " ".join(command)
    typed = """SET l:abc "a b" PX 60000
GET l:abc
GET l:nobody
EXISTS l:abc
ZADD top 2 abc
ZRANGE top 0 -1
NOPE
GET "never ended
"""
    said = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=20, check=True)
    assert said.stdout.splitlines()[:6] == ["OK", "a b", "(nil)", "(integer) 1", "(integer) 1", "1) abc"]
    assert "(error) unknown command" in said.stdout
    assert "(not sent) No closing quotation" in said.stdout
    assert "Traceback" not in said.stderr


def test_a_server_that_is_gone_is_told_and_ctrl_c_ends_only_what_runs(plan: Plan) -> None:
    with subprocess.Popen(RedisBox().client(plan), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as prompt:
        assert prompt.stdin is not None
        assert prompt.stdout is not None
        prompt.stdin.write("MONITOR\n")
        prompt.stdin.flush()
        assert prompt.stdout.readline() == "OK\n"
        prompt.send_signal(signal.SIGINT)
        prompt.stdin.write("PING\n")
        prompt.stdin.flush()
        assert eventually(lambda: "PONG" in prompt.stdout.readline(), within=5)  # type: ignore[union-attr]
        said, _ = prompt.communicate("SHUTDOWN NOSAVE\nPING\n", timeout=10)
    assert "(not sent)" in said
    assert prompt.returncode == 0
