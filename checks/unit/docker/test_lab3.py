"""Lab 3's stage in containers: own passwords and ports, clients inside, a killed broker's return, a box that needs too
much memory, optional processes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from checks.eventually import eventually
from checks.unit.docker.helpers import APP, ask, docker, left_behind, project, standing
from infra.errors import LabError
from infra.project import ROOT, Project
from infra.runtime.docker import compose, images
from infra.runtime.docker.runtime import DockerRuntime
from infra.runtime.protocol import BoxStatus

pytestmark = pytest.mark.usefixtures("engine")
PROCFILE = "web: python server.py\nworker: sleep 1000; true\n"


@pytest.fixture(scope="module")
def stage() -> Iterator[DockerRuntime]:
    yield from stood(project("lab3", 3, ROOT / "shortener"))


@pytest.fixture(scope="module")
def small_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with the two processes that must be there, and none of the optional ones."""
    app = tmp_path_factory.mktemp("small") / "app"
    shutil.copytree(APP, app)
    (app / "Procfile").write_text(PROCFILE)
    return app


def stood(own: Project) -> Iterator[DockerRuntime]:
    try:
        yield standing(own)
    finally:
        DockerRuntime(own).down(volumes=True)
    assert left_behind(own.name) == []
    assert not own.folder.exists()


def topics(stage: DockerRuntime) -> dict[str, int]:
    """Each topic's partitions, as a client on this machine is told; none while the broker does not answer."""
    host, port = stage.address("kafka")
    client = AdminClient({"bootstrap.servers": f"{host}:{port}", "log_level": 0})
    found = client.list_topics(timeout=10).topics
    return {name: len(topic.partitions) for name, topic in found.items() if not name.startswith("__")}


def test_the_topics_are_there_with_their_partitions(stage: DockerRuntime) -> None:
    assert topics(stage) == {"clicks": 3, "links": 3, "clicks.dead": 1}


@pytest.mark.parametrize(("refusals", "code"), [(1, 0), (99, 1)])
def test_a_broker_that_refuses_a_topic_is_asked_again_for_a_minute(
    tmp_path: Path, request: pytest.FixtureRequest, refusals: int, code: int
) -> None:
    own = project("topics", 3)
    request.addfinalizer(lambda: shutil.rmtree(own.folder))  # the passwords that fill the file in
    environment = compose.variables(own, images.which())
    said = subprocess.check_output(compose.command(own, "config", "--format", "json"), env=environment, text=True)
    *bash, script = json.loads(said)["services"]["topics"]["command"]
    tool, asked = tmp_path / "kafka-topics", tmp_path / "asked"
    tool.write_text(f'#!/bin/sh\necho "$@" >>{asked}.$6\n[ "$(wc -l <{asked}.$6)" -gt {refusals} ]\n')
    tool.chmod(0o755)
    script = script.replace("$$", "$").replace("/opt/kafka/bin/kafka-topics.sh", str(tool))
    late = f"SECONDS={0 if code == 0 else 60}\n"  # the minute is over
    topics = {"TOPICS": "clicks:3 links:2", "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}
    done = subprocess.run([*bash, late + script], env=os.environ | topics, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    asked_for = {file.suffix: file.read_text().splitlines() for file in tmp_path.glob("asked.*")}
    assert sorted(asked_for) == [".clicks", ".links"]
    assert {len(lines) for lines in asked_for.values()} == {2 if code == 0 else 1}
    assert "--partitions 3" in asked_for[".clicks"][0]


def test_every_box_is_ready_and_tells_its_memory(stage: DockerRuntime) -> None:
    boxes = {box.name: box for box in stage.status()}
    assert all(box.ready for box in boxes.values())
    assert {name for name, box in boxes.items() if box.state == "completed"} == {"migrate-lab3", "topics"}
    assert sum(box.memory or 0 for box in boxes.values()) < 0.8e9
    assert (boxes["kafka"].memory or 0) > 50_000_000


def test_the_clients_inside_need_no_password_typed(stage: DockerRuntime) -> None:
    done = subprocess.run([*stage.connect("redis"), "ping"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "PONG"
    words = ["-Atc", "select count(*) from outbox"]
    done = subprocess.run([*stage.connect("postgres"), *words], capture_output=True, text=True, check=True)
    assert done.stdout.strip().isdigit()
    with pytest.raises(LabError):
        stage.connect("worker")


def test_a_killed_broker_comes_back_at_its_port_with_its_topics(stage: DockerRuntime) -> None:
    before, known = stage.address("kafka"), topics(stage)
    stage.kill("kafka")
    assert ask(stage.project, "/healthz")[0] == 200
    stage.start("kafka")
    assert stage.address("kafka") == before
    assert topics(stage) == known


def test_a_second_up_leaves_the_stage_as_it_is(stage: DockerRuntime) -> None:
    made = ("inspect", "--format", "{{.State.StartedAt}}", f"{stage.project.name}-topics-1")
    before, said = docker(*made), list[str]()
    DockerRuntime(stage.project).up(said.append)
    assert any("nothing has changed" in line for line in said), said
    assert docker(*made) == before


def test_a_box_that_needs_too_much_memory_is_told_so(stage: DockerRuntime) -> None:
    client = stage.connect("redis")
    subprocess.run([*client, "config", "set", "maxmemory", "0"], capture_output=True, check=True)
    much = "for i = 1, 1000 do redis.call('set', 'much' .. i, string.rep('x', 1048576)) end"
    subprocess.run([*client, "eval", much, "0"], capture_output=True, check=False)

    def redis() -> BoxStatus:
        return next(box for box in stage.status() if box.name == "redis")

    assert eventually(lambda: redis().state == "dead", within=20)
    assert "more memory than its limit" in redis().detail
    stage.heal()
    assert all(box.ready for box in stage.status())


def test_the_password_is_kept_as_long_as_the_data(stage: DockerRuntime) -> None:
    kept = stage.project.folder / "own.json"
    before = json.loads(kept.read_text())
    stage.down()
    assert json.loads(kept.read_text()) == before
    with socket.create_server(("127.0.0.1", int(before["KAFKA_PORT"]))):
        again = standing(stage.project)
    after = json.loads(kept.read_text())
    assert after["POSTGRES_PASSWORD"] == before["POSTGRES_PASSWORD"]
    assert after["KAFKA_PORT"] != before["KAFKA_PORT"]
    assert eventually(lambda: topics(again) == {"clicks": 3, "links": 3, "clicks.dead": 1}, within=10)


def test_a_process_that_the_app_lacks_does_not_stand(small_app: Path) -> None:
    own = project("small", 3, small_app)
    environment = compose.variables(own, images.which())
    assert environment["LAB_WORKER_COMMAND"] == 'sleep 1000; true "$@"'
    for runtime in stood(own):
        names = {box.name for box in runtime.status()}
        assert "worker" in names
        assert names.isdisjoint({"toplist", "audit", "outbox"})
        label = f"label=com.docker.compose.project={own.name}"
        held = docker("ps", "-a", "--filter", label, "--format", '{{.Label "com.docker.compose.service"}}').split()
        assert set(held) == names


def test_an_app_without_a_worker_is_refused_before_anything_starts(small_app: Path) -> None:
    (small_app / "Procfile").write_text("web: python server.py\n")
    own = project("workerless", 3, small_app)
    with pytest.raises(LabError, match="no `worker` process"):
        DockerRuntime(own).up(lambda _: None)
    assert left_behind(own.name) == []
    DockerRuntime(own).down(volumes=True)
    assert not own.folder.exists()
