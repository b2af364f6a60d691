"""The native etcd, and the key in it that says who leads lab 5's cluster: read, and taken from its holder alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httpx
import pytest

from checks.unit.etcd import running_etcd
from checks.unit.native import free_port, plan_for
from infra.boxes.etcd import EtcdBox, program
from infra.compose.box import Box, NativeBox
from infra.errors import LabError
from infra.failover.leader_key import LeaderKey
from infra.project import COMPOSE_FILE
from infra.runtime.protocol import Runtime
from infra.stage import Stage, read_stage

KEY = base64.b64encode(b"/service/links/leader").decode()


@dataclass
class Standing:
    """Of a runtime what a LeaderKey asks of it."""

    place: tuple[str, int]
    stage: Stage = field(default_factory=lambda: read_stage(COMPOSE_FILE, frozenset({"lab-5"}), {}))

    def address(self, box: str, target: int) -> tuple[str, int]:
        assert (box, target) == ("etcd", 2379)
        return self.place


def key_at(port: int) -> LeaderKey:
    return LeaderKey(cast("Runtime", Standing(("127.0.0.1", port))))


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_etcd(tmp_path_factory.mktemp("etcd")) as address:
        yield address


def put(etcd: str, holder: str) -> None:
    value = base64.b64encode(holder.encode()).decode()
    httpx.post(f"{etcd}/v3/kv/put", json={"key": KEY, "value": value}, trust_env=False).raise_for_status()


def test_the_lease_is_taken_from_its_holder_alone(etcd: str) -> None:
    key = key_at(int(etcd.rpartition(":")[2]))
    assert key.holder() is None
    assert not key.take_from("pg-1")
    put(etcd, "pg-2")
    assert key.holder() == "pg-2"
    assert not key.take_from("pg-1")
    assert key.holder() == "pg-2"
    assert key.take_from("pg-2")
    assert key.holder() is None
    key.close()


def test_an_etcd_that_is_away_is_one_sentence() -> None:
    with pytest.raises(LabError, match=r"etcd does not answer .*`make heal` brings it back"):
        key_at(free_port()).holder()


def test_the_box_is_ready_while_etcd_answers(etcd: str, tmp_path: Path) -> None:
    box = Box("etcd", (), frozenset(), {}, ("etcd", "--log-level=warn"), (), (), {}, NativeBox("etcd"))
    away = plan_for(box, tmp_path, {"ETCD_NAME": "one"}, 2379, 2380)
    assert "GET /health got no answer" in EtcdBox().obstacle(away)
    there = type(away)(**{**vars(away), "port": int(etcd.rpartition(":")[2])})
    assert EtcdBox().obstacle(there) == ""
    words = EtcdBox().command(away) or []
    assert f"ETCD_INITIAL_CLUSTER=one=http://127.0.0.1:{away.ports[2380]}" in words
    assert words[-2:] == [program("etcd"), "--log-level=warn"]
    assert EtcdBox().variables(7) == dict.fromkeys(
        ("ETCD_LISTEN_CLIENT_URLS", "ETCD_ADVERTISE_CLIENT_URLS"), "http://127.0.0.1:7"
    )


def test_a_machine_without_etcd_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert Path(program("etcdctl")).name == "etcdctl"  # the package's own
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LabError, match="etcd is not installed"):
        program("etcd")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert program("etcd") == "/usr/bin/etcd"  # this machine's own goes before it
