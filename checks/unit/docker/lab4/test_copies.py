"""Lab 4's stage in containers: no GET fails while copies come, go, are replaced or killed, and all of it heals."""

from __future__ import annotations

import json

import pytest

from checks.eventually import eventually
from checks.unit.docker.helpers import docker
from checks.unit.steady import steady_gets
from infra import rolling
from infra.runtime.docker.runtime import DockerRuntime
from infra.runtime.drains import balancer_of


def quiet(_: str) -> None:
    """No progress wanted."""


def states(stage: DockerRuntime) -> dict[str, str]:
    """What the balancer thinks of each copy."""
    return {name: copy.state for name, copy in balancer_of(stage.stage, stage.address).copies().items()}


def test_every_box_is_ready_and_the_balancer_sends_requests_to_three_copies(stage: DockerRuntime) -> None:
    assert all(box.ready for box in stage.status())
    assert eventually(lambda: [how == "UP" for how in states(stage).values()] == [True] * 3 + [False] * 3, within=10)
    assert sum(box.memory or 0 for box in stage.status()) < 1.2e9


def test_no_get_fails_while_copies_come_and_go_and_are_replaced(stage: DockerRuntime) -> None:
    with steady_gets(f"{stage.project.base_url}/healthz", 200) as seen:
        rolling.scale(stage, 4, quiet)
        assert states(stage)["app-4"] == "UP"
        rolling.scale(stage, 2, quiet)
        assert {box.name for box in stage.status() if box.name.startswith("app-")} == {"app-1", "app-2"}
        rolling.deploy(stage, "7b", quiet)
        for copy in ("app-1", "app-2"):
            (held,) = json.loads(docker("inspect", f"{stage.project.name}-{copy}-1"))
            assert "VERSION=7b" in held["Config"]["Env"]
        rolling.scale(stage, 3, quiet)
    assert (seen.failed, stage.faults()) == ([], [])
    assert seen.good > 100


# Copies that go in order, drained and then stopped, are the test before this one.
@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_no_get_fails_while_a_copy_is_struck(stage: DockerRuntime, fault: str) -> None:
    with steady_gets(f"{stage.project.base_url}/healthz", 200) as seen:
        getattr(stage, fault)("app-2")
        assert eventually(lambda: states(stage)["app-2"] != "UP", within=10)
        stage.heal()
        assert eventually(lambda: states(stage)["app-2"] == "UP", within=10)
    assert (seen.failed, stage.faults()) == ([], [])


def test_a_second_up_leaves_the_stage_as_it_is(stage: DockerRuntime) -> None:
    made = ("inspect", "--format", "{{.State.StartedAt}}", f"{stage.project.name}-app-1-1")
    before = docker(*made)
    DockerRuntime(stage.project).up(quiet)
    assert docker(*made) == before
