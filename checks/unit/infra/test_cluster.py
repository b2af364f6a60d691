"""Lab 5's cluster as Patroni tells it: who leads, who may lead next, how far behind each is."""

from __future__ import annotations

from typing import Any

import pytest

from infra.failover.cluster import LEADER, REPLICA, SYNCHRONOUS, Cluster, Node, _node

LEADS = {"name": "pg-1", "role": "leader", "state": "running", "timeline": 3}
WAITED_FOR = {"name": "pg-2", "role": "sync_standby", "state": "streaming", "timeline": 3, "lag": 0}
FOLLOWS = {"name": "pg-3", "role": "replica", "state": "streaming", "timeline": 3, "lag": 24_000}


@pytest.mark.parametrize(
    ("member", "seconds", "node", "words"),
    [
        (LEADS, {}, Node("pg-1", LEADER, "running", 3), "leader, timeline 3"),
        (
            WAITED_FOR,
            {"pg-2": 0.001, "pg-3": 1.5},
            Node("pg-2", SYNCHRONOUS, "streaming", 3, 0, 0.001),
            "synchronous, timeline 3, 0 bytes and 0.001 s behind",
        ),
        (FOLLOWS, {}, Node("pg-3", REPLICA, "streaming", 3, 24_000), "replica, timeline 3, 24,000 bytes behind"),
        (
            {"name": "pg-3", "role": "replica", "state": "starting", "lag": "unknown"},
            {},
            Node("pg-3", REPLICA, "starting"),
            "replica, starting",
        ),
        (
            {"name": "pg-3", "role": "standby_leader", "state": "stopped"},
            {},
            Node("pg-3", "standby_leader", "stopped"),
            "standby_leader, stopped",
        ),
    ],
)
def test_a_node_as_patroni_tells_of_it(
    member: dict[str, Any], seconds: dict[str, float], node: Node, words: str
) -> None:
    assert _node(member, seconds) == node
    assert str(node) == words


def test_who_leads_and_who_may_lead_next() -> None:
    nodes = {node.name: node for node in (_node(member, {}) for member in (FOLLOWS, LEADS, WAITED_FOR))}
    cluster = Cluster(nodes, synchronous=True)
    assert (cluster.leader, cluster.standbys) == ("pg-1", ["pg-2"])
    nobody = Cluster({"pg-3": nodes["pg-3"]}, synchronous=True)
    assert (nobody.leader, nobody.standbys) == (None, [])
