"""Who leads when that is in doubt: rules without a database."""

from __future__ import annotations

from shortener.lab5_failover.leader import Leader
from shortener.lab5_failover.leader_connections import LeaderConnections
from shortener.lab5_failover.position import Position
from shortener.lab5_failover.server_connection import Reading

URL = "postgresql://lab@127.0.0.1:1/links"
OLD, NEW = Position(1, 1, 1000), Position(1, 2, 900)


def test_a_leader_is_forgotten_once_however_many_reads_were_under_way_there() -> None:
    leader = Leader(URL)
    reads = LeaderConnections(URL, 2, leader=leader)
    reading = Reading(None, OLD, OLD, epoch=leader.epoch)
    assert reads.leads(reading, OLD)
    leader.heard_of(NEW)
    assert not reads.leads(reading, None)
    found = leader.epoch  # that of the leader that the first one's search has found
    assert found > reading.epoch
    assert not reads.leads(reading, None)
    assert leader.epoch == found
