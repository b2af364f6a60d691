"""Each stage's own passwords and Kafka's port: made once, hidden from others, gone with the data."""

from __future__ import annotations

import json
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra import own_variables, state
from infra.boxes.kinds import native
from infra.errors import LabError
from infra.project import COMPOSE_FILE, Project
from infra.stage import mentions, read_stage

NAMES = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "KAFKA_PORT"}


@pytest.fixture
def project(lab_home: Path) -> Project:
    return Project("own", 3)


def file_of(project: Project) -> Path:
    return project.folder / "own.json"


def test_each_stage_has_its_own_and_keeps_them(project: Project) -> None:
    first = own_variables.own_variables(project)
    assert first.keys() == NAMES
    assert own_variables.own_variables(project) == first
    other = own_variables.own_variables(Project("other", 3))
    assert not {first["POSTGRES_PASSWORD"], first["REDIS_PASSWORD"]} & set(other.values())
    assert first["POSTGRES_PASSWORD"] != first["REDIS_PASSWORD"]
    assert stat.S_IMODE(file_of(project).stat().st_mode) == 0o600


def test_many_at_once_get_the_same(project: Project) -> None:
    with ThreadPoolExecutor(8) as several:
        found = list(several.map(lambda _: own_variables.own_variables(project), range(32)))
    assert all(one == found[0] for one in found)
    assert [entry.name for entry in project.folder.iterdir()] == ["own.json"]


def test_the_environment_goes_before_them(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    own = own_variables.own_variables(project)
    monkeypatch.setenv("REDIS_PASSWORD", "mine")
    monkeypatch.setenv("POSTGRES_PASSWORD", "")
    assert own_variables.own_variables(project) == {**own, "REDIS_PASSWORD": "mine"}


def test_lab_5_has_its_cluster_where_the_labs_before_have_one_server(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = own_variables.own_variables(Project("cluster", 5))
    assert own.keys() == NAMES | {"LAB_NUMBER", "LAB_POSTGRES", "LAB_POSTGRES_REPLICAS"}
    hosts = "pg-1:5432,pg-2:5432,pg-3:5432/links?target_session_attrs="
    assert own["LAB_POSTGRES"] == f"{hosts}read-write&connect_timeout=2"
    stage = read_stage(COMPOSE_FILE, frozenset({"lab-5"}), own)
    app = stage.box("app").environment
    assert app["DATABASE_URL"] == f"postgresql://lab:{own['POSTGRES_PASSWORD']}@{own['LAB_POSTGRES']}"
    assert f"{hosts}prefer-standby&" in app["DATABASE_REPLICA_URL"]
    nodes = [(box.name, port) for box, port, _ in mentions(app["DATABASE_URL"], stage.boxes)]
    assert nodes == [("pg-1", 5432), ("pg-2", 5432), ("pg-3", 5432)]
    monkeypatch.setenv("LAB_POSTGRES", "elsewhere:5432/links")
    assert own_variables.own_variables(Project("cluster", 5))["LAB_POSTGRES"] == "elsewhere:5432/links"
    before = read_stage(COMPOSE_FILE, frozenset({"lab-4"}), own_variables.own_variables(project)).box("app").environment
    assert "@postgres:5432/" in before["DATABASE_URL"]
    assert not before.get("DATABASE_REPLICA_URL")


def test_they_live_as_long_as_the_data(project: Project) -> None:
    own = own_variables.own_variables(project)
    (project.folder / "logs").mkdir()
    state.clear(project)
    state.forget(project, volumes=False)
    assert [entry.name for entry in project.folder.iterdir()] == ["own.json"]
    assert own_variables.own_variables(project) == own
    state.forget(project, volumes=True)
    assert not project.folder.exists()


def test_data_from_before_keeps_its_password(project: Project) -> None:
    (project.folder / "volumes" / "postgres-data").mkdir(parents=True)
    assert own_variables.own_variables(project)["POSTGRES_PASSWORD"] == "lab"


def test_a_port_that_somebody_took_is_given_up(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not own_variables.renew_port(project)
    own = own_variables.own_variables(project)
    assert not own_variables.renew_port(project)
    with socket.create_server(("127.0.0.1", int(own["KAFKA_PORT"]))):
        with monkeypatch.context() as chosen:
            chosen.setenv("KAFKA_PORT", own["KAFKA_PORT"])
            assert not own_variables.renew_port(project)
        assert own_variables.renew_port(project)
    now = own_variables.own_variables(project)
    assert now.pop("KAFKA_PORT") != own.pop("KAFKA_PORT")
    assert now == own


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"KAFKA_PORT": "1"})])
def test_a_file_that_is_damaged_is_named(project: Project, content: str) -> None:
    project.folder.mkdir(parents=True)
    file_of(project).write_text(content)
    with pytest.raises(LabError, match=r"own.json cannot be read. .*`lab down --volumes`"):
        own_variables.own_variables(project)


def test_no_password_looks_like_a_box(project: Project) -> None:
    own = own_variables.own_variables(project)
    stage = read_stage(COMPOSE_FILE, frozenset({"lab-3"}), own)
    web = stage.box("app").environment
    assert f":{own['REDIS_PASSWORD']}@redis:6379" in web["REDIS_URL"]
    assert [(box.name, port) for box, port, _ in mentions(web["REDIS_URL"], stage.boxes)] == [("redis", 6379)]
    assert [(box.name, port) for box, port, _ in mentions(web["DATABASE_URL"], stage.boxes)] == [("postgres", 5432)]
    assert stage.box("kafka").ports[0].published == int(own["KAFKA_PORT"])
    assert all(native(box).can_fill() for box in (stage.box("redis"), stage.box("kafka")))
