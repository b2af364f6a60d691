"""What is done to the leader is done to the node that leads at that moment, or to nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from infra.errors import NotInTime
from infra.failover import change
from infra.failover.cluster import LEADER, SYNCHRONOUS, Cluster, Node
from infra.runtime.protocol import Runtime

STAGE = cast(Runtime, None)


@pytest.fixture(params=["pg-2", None])
def moved_to(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """The nodes say that pg-1 leads; by the time that the lease is looked at it is that one's."""
    holder: str | None = request.param
    cluster = Cluster({"pg-1": Node("pg-1", LEADER, "running"), "pg-2": Node("pg-2", SYNCHRONOUS, "streaming")}, True)

    class Moved:
        def __init__(self, runtime: Runtime) -> None: ...
        def close(self) -> None: ...
        def holder(self) -> str | None:
            return holder

    monkeypatch.setattr(change, "leader_of", lambda runtime: "pg-1")
    monkeypatch.setattr(change, "look", lambda runtime: cluster)
    monkeypatch.setattr(change, "LeaderKey", Moved)
    monkeypatch.setattr(change, "_writes", lambda runtime, node: True)
    monkeypatch.setattr(change, "PATIENCE", 0.1)
    return holder


def test_a_node_that_leads_no_more_is_left_alone(moved_to: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    monkeypatch.setattr(change, "tell", lambda *order: done.append(order))
    changes: tuple[Callable[[], object], ...] = (
        lambda: change.awaited(STAGE, done.append),
        lambda: change.switch_over(STAGE),
    )
    for made in changes:
        with pytest.raises(
            NotInTime, match=f"moved from pg-1 to {moved_to or 'nobody'}, so nothing was done. Try again"
        ):
            made()
    assert done == []
