"""Kafka's start-up cache is made by a broker of its own, then used, and its making can be ended at any time."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from checks.unit.infra.conftest import OpenStage
from checks.unit.infra.helpers import living_below, name_of, soon
from checks.unit.infra.looking import quiet
from checks.unit.infra.test_kafka_box import kafka_plan
from checks.unit.native import running
from infra import project as places
from infra.boxes import kafka_aot
from infra.boxes.kafka_java import Java
from infra.boxes.scratch import sweep
from infra.project import LAB_HOME, ROOT
from infra.runtime.local.environment import base_environment
from infra.runtime.local.process import BoxProcess, Launch


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """One with the jars and nothing else."""
    shutil.copytree(LAB_HOME / "cache" / "kafka" / "jars", tmp_path / "cache" / "kafka" / "jars")
    return tmp_path / "cache"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine counts as calm."""
    monkeypatch.setattr(kafka_aot, "_CALM", 0.0)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(signal, "alarm", lambda _: 0)
    monkeypatch.setattr(signal, "signal", lambda *_: None)


def test_it_is_made_and_used(cache: Path, at_once: None, tmp_path: Path) -> None:
    kafka_aot.make(cache)
    java = Java.found(cache, print)
    assert java.aot_flag() == f"-XX:AOTCache={java.aot_file}"
    assert java.aot_file.stat().st_size > 10 << 20
    made = java.aot_file.stat().st_mtime_ns
    kafka_aot.make(cache)
    assert java.aot_file.stat().st_mtime_ns == made
    assert not list(cache.glob("building-*"))
    with running(replace(kafka_plan(tmp_path / "box"), cache=cache)) as process:
        [broker] = [member for member in process.members() if "java" in name_of(member)]
        assert f"-XX:AOTCache={java.aot_file}" in broker.cmdline()
        assert str(java.aot_file) in {area.path for area in broker.memory_maps()}


def test_its_making_leaves_nothing_when_it_is_killed(cache: Path, tmp_path: Path) -> None:
    text = (
        "import sys, pathlib\nfrom infra.boxes import kafka_aot as a\na._CALM = 0.0\na.os.getloadavg = lambda: (0.0,)\n"
    )
    command = [sys.executable, "-c", f"{text}a.make(pathlib.Path(sys.argv[1]))", str(cache)]
    process = BoxProcess(tmp_path / ".kafka-afterwards.pid")
    process.spawn(Launch(command, base_environment(), ROOT, tmp_path / "log"))
    soon(lambda: any("java" in name_of(member) for member in process.members()), within=60)
    process.kill()
    assert living_below(tmp_path) == []
    sweep(cache, patience=10.0)
    assert not list(cache.glob("building-*"))
    assert Java.found(cache, print).aot_flag() == ""


def test_a_stage_goes_down_with_it(cache: Path, open_stage: OpenStage) -> None:
    (places.LAB_HOME / "cache").unlink()
    (places.LAB_HOME / "cache").symlink_to(cache)
    runtime = open_stage(3)
    runtime.up(quiet)
    making = BoxProcess(runtime.project.folder / "boxes" / ".kafka-afterwards.pid")
    assert making.alive()
    assert [box.name for box in runtime.status() if "afterwards" in box.name] == []
    runtime.down()
    assert living_below(runtime.project.folder) == []
    assert not list(cache.glob("building-*"))
