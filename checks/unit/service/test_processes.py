"""How the processes beside the service end: misconfigured in a sentence, told to stop in time whatever is down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checks.eventually import eventually
from checks.unit.native import free_port
from checks.unit.service.broker import Broker
from checks.unit.service.processes import running_process
from infra.project import ROOT

NOBODY = {
    "DATABASE_URL": "postgresql://lab:hush@127.0.0.1:1/links",
    "REDIS_URL": "redis://:hush@127.0.0.1:1/0",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
}
NEEDS = {
    "worker": ("PORT", "KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"),
    "audit": ("PORT", "KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"),
    "toplist": ("PORT", "KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"),
    "outbox": ("PORT", "KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL"),
}


def ended(name: str, **variables: str) -> str:
    """What a process says that ends by itself, and not well."""
    environment = {name: value for name, value in os.environ.items() if name != "PORT"}
    words = [sys.executable, "-m", f"shortener.lab3_cache_and_events.{name}"]
    done = subprocess.run(
        words, cwd=ROOT, env={**environment, **variables}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    return done.stderr.strip()


@pytest.mark.parametrize(("name", "missing"), [(name, each) for name, needs in NEEDS.items() for each in needs])
def test_a_missing_variable_is_told_in_a_sentence(name: str, missing: str) -> None:
    variables = {**NOBODY, "PORT": str(free_port())}
    del variables[missing]
    said = ended(name, **variables)
    assert said == f"'{missing}' is not set: this process is configured by variables."


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("worker", "DATABASE_URL", "postgres:hush@somewhere"),
        ("outbox", "REDIS_URL", "rediss//:hush@somewhere"),
        ("toplist", "REDIS_URL", "redis://:hush/x@somewhere"),
        ("outbox", "KAFKA_BOOTSTRAP_SERVERS", ""),
        ("worker", "CLICK_BATCH", "many"),
        ("worker", "CLICK_BATCH", "0"),
    ],
)
def test_a_variable_that_is_wrong_is_told_without_the_password(name: str, variable: str, value: str) -> None:
    said = ended(name, **{**NOBODY, "PORT": str(free_port()), variable: value})
    assert variable in said
    assert "hush" not in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("name", NEEDS)
def test_told_to_stop_while_all_servers_are_down_it_ends_well(name: str, tmp_path: Path) -> None:
    with running_process(name, tmp_path, **NOBODY) as process:
        assert eventually(lambda: "brokers are down" in process.log() or "tried again" in process.log(), within=30)
        assert process.is_running()
        assert process.stop() == 0
        assert "hush" not in process.log()
        assert "Traceback" not in process.log()


@pytest.mark.parametrize("name", ["worker", "toplist"])
def test_told_to_stop_while_it_waits_for_its_results_it_ends_well(name: str, broker: Broker, tmp_path: Path) -> None:
    with running_process(name, tmp_path, **{**NOBODY, "KAFKA_BOOTSTRAP_SERVERS": broker.servers}) as process:
        assert eventually(lambda: "tried again" in process.log(), within=30)
        assert process.stop() == 0
        assert "hush" not in process.log()
        assert "Traceback" not in process.log()
