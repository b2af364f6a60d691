"""Lab 5's cluster in the local runtime: who leads is told and moves, each process in a host can be struck alone, and
nothing of it is left."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from checks.unit.infra.conftest import TINY_APP
from checks.unit.infra.helpers import free_port, living_below, name_of, soon
from checks.unit.infra.looking import quiet, shown
from infra import project as places
from infra.commands.cluster import nodes
from infra.errors import LabError
from infra.failover.change import awaited, fail_over
from infra.failover.cluster import LEADER, leader_of, look
from infra.project import Project
from infra.runtime.inner import pid_file
from infra.runtime.local.runtime import LocalRuntime
from labs.lab5_failover.strikes import until_whole

LEASE = 20.0  # seconds: `ttl` in infra/config/patroni/patroni.yml
NODES = ("pg-1", "pg-2", "pg-3")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRuntime]:
    """A lab 5 that stands for all tests here. Down it leaves nothing, also no Postgres that Patroni started."""
    home = tmp_path_factory.mktemp("lab")
    cache = places.LAB_HOME / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (home / "cache").symlink_to(cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "LAB_HOME", home)
        runtime = LocalRuntime(Project("cluster", 5, app=TINY_APP, port=free_port()))
        try:
            runtime.up(quiet)
            yield runtime
            before = [process for node in NODES for process in members(runtime, node)]
            assert len([process for process in before if name_of(process) == "postgres"]) > len(NODES)
        finally:
            runtime.down(volumes=True)
            left = living_below(home)
            for process in left:
                process.kill()
        assert left == []
        assert [process for process in before if process.is_running()] == []
        assert not runtime.project.folder.exists()


def members(runtime: LocalRuntime, node: str) -> list[psutil.Process]:
    return runtime.boxes.process(runtime.stage.box(node)).members()


def inner(runtime: LocalRuntime, node: str, process: str) -> psutil.Process | None:
    box = runtime.stage.box(node)
    return runtime.boxes.process(box).member(runtime.boxes.place(box, pid_file(box, process)))


def follower(runtime: LocalRuntime) -> str:
    return next(node.name for node in look(runtime).nodes.values() if node.role != LEADER)


def test_status_says_who_leads_and_how_the_others_follow(stage: LocalRuntime) -> None:
    boxes = stage.status()
    assert [box.name for box in boxes if not (box.ready or box.state == "completed")] == []
    told = nodes(stage, boxes)
    assert sorted(told) == list(NODES)
    assert [name for name, node in told.items() if node.role == LEADER] == [leader_of(stage)]
    assert len(look(stage).standbys) == 1
    assert "leader, timeline " in str(told[leader_of(stage)])
    with pytest.raises(LabError, match=r"pg-1 has no process nothing .* It has patroni and postgres\."):
        stage.kill_process("pg-1", "nothing")
    assert stage.faults() == []


def test_patroni_alone_is_killed_and_stays_dead_until_the_box_is_healed(stage: LocalRuntime) -> None:
    node = follower(stage)
    stage.kill_process(node, "patroni")
    assert inner(stage, node, "patroni") is None
    assert inner(stage, node, "postgres") is not None
    assert (stage.faults(), shown(stage, node).ready) == ([f"patroni of {node} was killed"], False)
    with pytest.raises(LabError, match=f"No patroni runs in {node} now"):
        stage.kill_process(node, "patroni")
    stage.heal()
    assert (stage.faults(), shown(stage, node).ready) == ([], True)
    until_whole(stage)


def test_postgres_alone_is_killed_and_another_node_leads_without_a_word_from_anybody(stage: LocalRuntime) -> None:
    old = leader_of(stage)
    change = awaited(stage, lambda leader: stage.kill_process(leader, "postgres"))
    assert (change.old, change.new != old) == (old, True)
    assert change.promoted - change.began < LEASE
    assert stage.faults() == []
    until_whole(stage)
    assert look(stage).leader == change.new


def test_a_node_that_is_paused_goes_on_where_it_was(stage: LocalRuntime) -> None:
    node, leader = follower(stage), leader_of(stage)
    stage.pause(node)
    status = shown(stage, node)
    assert (status.state, status.ready, status.detail.split(";")[0]) == ("paused", False, f"{node} is paused")
    stage.resume(node)
    soon(lambda: shown(stage, node).ready, within=30)
    until_whole(stage)
    assert (stage.faults(), leader_of(stage)) == ([], leader)


def test_a_fenced_failover_moves_the_lead_before_the_lease_is_out(stage: LocalRuntime) -> None:
    change = fail_over(stage, fenced=True)
    assert change.free is not None
    assert change.promoted - change.began < LEASE
    assert leader_of(stage) == change.new
    assert stage.faults() == [f"{change.old} was killed"]
    stage.heal()
    until_whole(stage)
    assert leader_of(stage) == change.new
    (timeline,) = {node.timeline for node in look(stage).nodes.values()}
    assert timeline is not None
    assert timeline > 1
