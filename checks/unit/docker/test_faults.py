"""Each fault by the engine's own means does what it says, is remembered, and is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.eventually import eventually
from checks.unit.docker.helpers import ask, docker, left_behind, project, standing
from infra.errors import LabError, NotSupported
from infra.runtime.docker import faults
from infra.runtime.docker.runtime import DockerRuntime

pytestmark = pytest.mark.usefixtures("engine")
DELAY = 0.1  # seconds


@pytest.fixture(scope="module")
def stage() -> Iterator[DockerRuntime]:
    """Lab 2's stage."""
    yield from _stage(2)


@pytest.fixture(scope="module")
def file_stage() -> Iterator[DockerRuntime]:
    """Lab 1's stage."""
    yield from _stage(1)


def _stage(lab: int) -> Iterator[DockerRuntime]:
    own = project(f"faults{lab}", lab)
    try:
        yield standing(own)
    finally:
        DockerRuntime(own).down(volumes=True)
    assert left_behind(own.name) == []


@pytest.fixture(autouse=True)
def healed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test broke is whole again, by the verb that a learner uses."""
    yield
    for name in ("stage", "file_stage"):
        if name in request.fixturenames:
            runtime: DockerRuntime = request.getfixturevalue(name)
            runtime.heal()
            assert runtime.faults() == []
            assert all(box.ready for box in runtime.status())


def state_of(runtime: DockerRuntime, name: str) -> str:
    return next(box.state for box in runtime.status() if box.name == name)


def test_a_killed_box_stays_dead_until_started(stage: DockerRuntime) -> None:
    stage.kill("postgres")
    assert state_of(stage, "postgres") == "dead"
    assert stage.faults() == ["postgres was killed"]
    assert ask(stage.project, "/readyz")[0] == 503
    with pytest.raises(LabError, match="not running"):
        stage.kill("postgres")
    stage.start("postgres")
    assert stage.faults() == []
    assert ask(stage.project, "/readyz")[0] == 200


def test_a_kill_from_outside_is_seen_and_healed(stage: DockerRuntime) -> None:
    docker("kill", f"{stage.project.name}-postgres-1")
    assert eventually(lambda: state_of(stage, "postgres") == "dead", within=5)
    stage.heal()
    assert ask(stage.project, "/readyz")[0] == 200


def test_a_published_port_is_asked_anew_after_a_restart(stage: DockerRuntime) -> None:
    stage.restart("postgres")
    assert stage.faults() == []
    _, port = stage.address("postgres")
    assert docker("port", f"{stage.project.name}-postgres-1", "5432") == f"127.0.0.1:{port}"


def test_a_paused_box_goes_on(stage: DockerRuntime) -> None:
    stage.pause("app")
    stage.pause("app")
    assert (state_of(stage, "app-lab2"), stage.faults()) == ("paused", ["app-lab2 is paused"])
    with pytest.raises(TimeoutError):
        ask(stage.project, "/healthz")
    with pytest.raises(LabError, match="paused, not dead"):
        stage.start("app")
    stage.resume("app")
    assert ask(stage.project, "/healthz")[0] == 200


def test_a_pause_that_the_engine_refuses_is_no_fault(stage: DockerRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise LabError("the engine cannot")

    monkeypatch.setattr(faults, "freeze", refuse)
    with pytest.raises(LabError, match="the engine cannot"):
        stage.pause("app")
    assert (state_of(stage, "app-lab2"), stage.faults()) == ("running", [])


def test_a_cut_link_is_silent_for_a_restarted_box_too_and_others_reach_it(stage: DockerRuntime) -> None:
    stage.cut("app", "postgres")
    assert ask(stage.project, "/readyz")[:2] == (503, "timed out")
    stage.restart("postgres")
    assert ask(stage.project, "/readyz")[:2] == (503, "timed out")
    assert ask(stage.project, "/healthz")[0] == 200
    stage.heal()
    assert ask(stage.project, "/readyz")[0] == 200


def test_heal_takes_back_the_rules_it_made_and_no_others(stage: DockerRuntime) -> None:
    rules_of_docker = rules(stage, "nat")
    assert "DOCKER" in rules_of_docker
    stage.cut("app", "postgres")
    assert "LAB-FAULTS" in rules(stage, "filter")
    stage.heal()
    assert "LAB-FAULTS" not in rules(stage, "filter")
    assert rules(stage, "nat") == rules_of_docker


def rules(runtime: DockerRuntime, table: str) -> str:
    from infra.runtime.docker.own_images import FAULTS

    network = f"--network=container:{runtime.project.name}-app-lab2-1"
    return docker("run", "--rm", network, "--cap-add=NET_ADMIN", FAULTS.made(), "iptables", "-t", table, "-S")


def test_a_slow_link_takes_the_delay_each_way_and_stays_slow_over_restarts(stage: DockerRuntime) -> None:
    quick = ask(stage.project, "/readyz")[2]
    try:
        stage.slow("app", "postgres", DELAY)
    except NotSupported as reason:
        pytest.skip(str(reason))
    for restarted in (None, "postgres", "app"):
        if restarted:
            stage.restart(restarted)
        status, _, seconds = ask(stage.project, "/readyz")
        assert status == 200
        assert seconds >= 2 * DELAY  # a connection is there after one way and back
        assert seconds < quick + 2 * DELAY + 0.5
    stage.slow("app", "postgres", 3 * DELAY)
    assert ask(stage.project, "/readyz")[2] >= 6 * DELAY - 0.01
    assert len(stage.faults()) == 1


def test_a_full_disk_refuses_longer_files_and_is_mended(file_stage: DockerRuntime) -> None:
    own = file_stage.project
    assert ask(own, "/links", b"x" * 100)[0] == 201
    size = ask(own, "/size")[1]
    file_stage.fill("app")
    assert ask(own, "/links", b"y")[0] == 507
    assert ask(own, "/size")[:2] == (200, size)
    file_stage.heal()
    assert ask(own, "/links", b"y")[0] == 201


def test_what_there_is_not_is_one_sentence(stage: DockerRuntime) -> None:
    with pytest.raises(LabError, match="no box nobody"):
        stage.kill("nobody")
    with pytest.raises(LabError, match="no link between app-lab2 and migrate"):
        stage.cut("app", "migrate")
    with pytest.raises(LabError, match="done its work"):
        stage.kill("migrate")
    with pytest.raises(NotSupported, match="keeps no files"):
        stage.fill("app")
    assert stage.faults() == []
