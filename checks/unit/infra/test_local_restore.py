"""A database that is lost under writes comes back in the local runtime: to its end, to a moment, and again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from checks.unit.infra.helpers import free_port, soon
from checks.unit.infra.looking import quiet
from checks.unit.writer import Writer, is_there, request
from infra.backup import restore as way
from infra.backup import take
from infra.errors import LabError
from infra.project import COMPOSE_FILE, ROOT, Project
from infra.runtime.local.runtime import LocalRuntime

BOXES = ("postgres", "wal-archive", "migrate", "app-lab2", "backup")
MOST_LOST = 1.0  # seconds of acknowledged writes


@pytest.fixture
def stage(lab_home: Path, tmp_path: Path) -> Iterator[LocalRuntime]:
    """Lab 2's service with lab 4's archive, as the compose file describes them: what a restore is about and no more."""
    described = yaml.safe_load(COMPOSE_FILE.read_text())
    services = {name: described["services"][name] for name in BOXES}
    services["wal-archive"]["profiles"] = ["lab-2"]
    text = yaml.safe_dump({"services": services, "volumes": described["volumes"]}).replace(
        "./infra", str(ROOT / "infra")
    )
    compose_file = tmp_path / "docker-compose.yml"
    compose_file.write_text(text)
    runtime = LocalRuntime(Project("restored", lab=2, port=free_port()), compose_file)
    runtime.up(quiet)
    yield runtime
    runtime.down(volumes=True)


def test_a_lost_database_comes_back(stage: LocalRuntime) -> None:
    port = stage.project.port
    backup = take.take(stage)
    writer = Writer(port)
    with writer.at_work():
        soon(lambda: len(writer.rows) > 50, within=30)
        moment = time.time()
        soon(lambda: len(writer.rows) > 150, within=30)
        lost = time.time()
        way.lose(stage)
    rows = writer.rows
    assert not list((stage.project.folder / "volumes" / "postgres-data").iterdir())

    done = way.restore(stage, None, quiet)
    assert done.loss is not None
    assert done.loss <= MOST_LOST
    missing = [row for row in rows if not is_there(port, row.link)]
    assert all(row.acknowledged > lost - MOST_LOST for row in missing)
    assert (stage.faults(), all(box.ready for box in stage.status())) == ([], True)

    # That moment was in the timeline that the first restore has left.
    way.restore(stage, moment, quiet)
    assert all(is_there(port, row.link) for row in rows if row.acknowledged < moment)
    assert not any(is_there(port, row.link) for row in rows if row.sent > moment)

    _, body = request(port, "POST", "/links", '{"url": "https://example.com/later"}')
    assert way.restore(stage, None, quiet).whole
    assert is_there(port, json.loads(body)["id"])
    assert {path.name for path in (stage.project.folder / "volumes" / "postgres-data").glob(".*")} == set()

    largest = max(
        (stage.project.folder / "volumes").glob(f"backups/archive/base/{backup.label}/data/base/*/*"), key=size
    )
    with largest.open("r+b") as file:
        file.write(b"\xff")
    with pytest.raises(LabError, match="This backup is damaged"):
        take.verify(stage, backup.label)


def size(path: Path) -> int:
    return path.stat().st_size


def test_what_fails_leaves_the_database_as_it_was(stage: LocalRuntime) -> None:
    with pytest.raises(LabError, match="There is no backup to restore from"):
        way.restore(stage, None, quiet)
    stage.kill("wal-archive")
    with pytest.raises(LabError, match="The archive does not follow Postgres"):
        take.take(stage)
    stage.heal()

    backup = take.take(stage)
    _, body = request(stage.project.port, "POST", "/links", '{"url": "https://example.com/"}')
    archive = stage.project.folder / "volumes/backups/archive"
    run = next((archive / "wal" / backup.line).iterdir())
    missing = run / _switch_segment(stage)
    request(stage.project.port, "POST", "/links", '{"url": "https://example.com/"}')
    soon(lambda: missing.exists() and bool(list(run.glob("0*.partial"))), within=30)
    aside = missing.rename(archive / missing.name)
    with pytest.raises(LabError, match="A part of the archived log is missing or damaged"):
        way.restore(stage, None, quiet)
    assert is_there(stage.project.port, json.loads(body)["id"])
    aside.rename(missing)

    label = archive / "base" / backup.label / "data/backup_label"
    label.rename(label.with_name("moved"))
    control = label.with_name("global") / "pg_control"
    control.write_bytes(control.read_bytes()[:100])
    with pytest.raises(LabError, match="The log could not be replayed"):
        way.restore(stage, None, quiet)
    assert is_there(stage.project.port, json.loads(body)["id"])
    assert (stage.faults(), all(box.ready for box in stage.status())) == ([], True)


def _switch_segment(stage: LocalRuntime) -> str:
    """The name of the segment that ends by it: the newest link is in it."""
    box, (host, port) = stage.stage.box("postgres").environment, stage.address("postgres")
    user, password, name = (box[f"POSTGRES_{word}"] for word in ("USER", "PASSWORD", "DB"))
    place = f"host={host} port={port} user={user} password={password} dbname={name}"
    with psycopg.connect(place, autocommit=True) as connection:
        found = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
        connection.execute("SELECT pg_switch_wal()")
    assert found
    return str(found[0])
