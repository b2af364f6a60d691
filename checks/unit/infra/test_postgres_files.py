"""Postgres' template is whole or not there, whoever is killed while it is made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from checks.unit.infra.helpers import soon
from infra.boxes.native import Plan
from infra.boxes.postgres import PostgresBox
from infra.boxes.scratch import sweep
from infra.compose.box import Box, NativeBox
from infra.errors import LabError
from infra.project import ROOT

IDENTITY = {"POSTGRES_USER": "lab", "POSTGRES_PASSWORD": "lab", "POSTGRES_DB": "links"}
PREPARE = """
import sys
from pathlib import Path
from checks.unit.infra.test_postgres_files import plan
from infra.boxes.postgres import PostgresBox
PostgresBox().prepare(plan(Path(sys.argv[1]), sys.argv[2]), print)
"""


def plan(folder: Path, data: str, **identity: str) -> Plan:
    box = Box("postgres", (), frozenset(), {}, (), (), (), {}, NativeBox("postgres"))
    environment = {"PATH": os.environ["PATH"]} | (identity or IDENTITY)
    return Plan(box, ROOT, 1, environment, {"/data": folder / data}, folder / "work", folder / "cache", ports={})


def prepare(folder: Path, data: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PREPARE, str(folder), data], cwd=ROOT)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.glob("*")) if folder.exists() else []


def names_after_sweep(cache: Path) -> list[str]:
    sweep(cache)
    return names(cache)


def test_two_stages_at_once_share_one_template(tmp_path: Path) -> None:
    makers = [prepare(tmp_path, "one"), prepare(tmp_path, "two")]
    assert [maker.wait(60) for maker in makers] == [0, 0]
    assert len(names(tmp_path / "cache")) == 1
    for data in ("one", "two"):
        assert (tmp_path / data / "PG_VERSION").read_text() == "18\n"
        assert (tmp_path / data).stat().st_mode & 0o777 == 0o700


def test_a_killed_maker_leaves_nothing_that_is_taken_for_whole(tmp_path: Path) -> None:
    maker = prepare(tmp_path, "one")
    soon(lambda: any(name.startswith("building-") for name in names(tmp_path / "cache")))
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    assert not any(name.startswith("postgres-") for name in names(tmp_path / "cache"))
    PostgresBox().prepare(plan(tmp_path, "one"), print)
    assert (tmp_path / "one" / "PG_VERSION").exists()
    soon(lambda: len(names_after_sweep(tmp_path / "cache")) == 1)


def test_files_that_are_there_are_kept(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "PG_VERSION").write_text("mine")
    PostgresBox().prepare(plan(tmp_path, "one"), print)
    assert names(tmp_path / "one") == ["PG_VERSION"]


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="postgres has no POSTGRES_PASSWORD"):
        PostgresBox().prepare(plan(tmp_path, "one", POSTGRES_USER="lab"), print)


def test_what_initdb_says_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"could not be made \(.*pg_nobody"):
        PostgresBox().prepare(plan(tmp_path, "one", POSTGRES_USER="pg_nobody", POSTGRES_PASSWORD="x"), print)
    assert names(tmp_path / "cache") == []
