"""Lab 5's cluster in containers: its processes and links can be struck one by one, and another node leads."""

from __future__ import annotations

import httpx
import pytest

from checks.eventually import eventually
from infra.failover.change import fail_over
from infra.failover.cluster import LEADER, SYNCHRONOUS, Cluster, look
from infra.runtime.docker.runtime import DockerRuntime
from labs.lab5_failover.strikes import until_whole

SLOW = 0.1  # seconds each way


@pytest.fixture
def cluster(stage: DockerRuntime) -> Cluster:
    until_whole(stage)
    return look(stage)


def of_role(cluster: Cluster, role: str) -> str:
    (name,) = (node.name for node in cluster.nodes.values() if node.role == role)
    return name


def post(stage: DockerRuntime) -> httpx.Response:
    return httpx.post(f"{stage.project.base_url}/links", json={"url": "https://example.com/"}, timeout=6.0)


def test_every_box_is_ready_with_one_leader_and_one_synchronous(stage: DockerRuntime, cluster: Cluster) -> None:
    assert all(box.ready for box in stage.status())
    assert sum(box.memory or 0 for box in stage.status()) < 1.5e9
    assert {of_role(cluster, LEADER), of_role(cluster, SYNCHRONOUS)} < set(cluster.nodes) == {"pg-1", "pg-2", "pg-3"}


def test_a_commit_waits_for_the_synchronous_node(stage: DockerRuntime, cluster: Cluster) -> None:
    quick = min(post(stage).elapsed.total_seconds() for _ in range(5))
    stage.slow(of_role(cluster, SYNCHRONOUS), of_role(cluster, LEADER), SLOW)
    slow = post(stage)
    stage.heal()
    assert slow.status_code == 201
    assert slow.elapsed.total_seconds() >= quick + SLOW


def test_patroni_alone_is_killed_and_its_postgres_lives_on_until_it_heals(
    stage: DockerRuntime, cluster: Cluster
) -> None:
    node = of_role(cluster, SYNCHRONOUS)
    stage.kill_process(node, "patroni")
    assert stage.faults() == [f"patroni of {node} was killed"]
    assert {box.name: box.state for box in stage.status()}[node] == "running"
    assert post(stage).status_code == 201
    stage.heal()
    assert (stage.faults(), all(box.ready for box in stage.status())) == ([], True)


def test_another_node_leads_and_the_old_one_follows_it(stage: DockerRuntime, cluster: Cluster) -> None:
    link = post(stage).json()["id"]
    change = fail_over(stage, fenced=True)
    assert change.old == of_role(cluster, LEADER) != change.new
    assert eventually(lambda: post(stage).status_code == 201, within=10)
    stage.start(change.old)
    until_whole(stage)
    after = look(stage)
    assert after.leader == change.new
    assert after.nodes[change.old].timeline == (cluster.nodes[change.old].timeline or 0) + 1
    assert httpx.get(f"{stage.project.base_url}/{link}").status_code == 302
