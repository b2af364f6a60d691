"""Who leads when that is in doubt: rules without a database."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from unittest.mock import AsyncMock

import pytest
from prometheus_client import CollectorRegistry

from infra.project import ROOT
from shortener.lab3_cache_and_events.cache import CacheAway
from shortener.lab5_failover.bounds import POSITION, REPLICA
from shortener.lab5_failover.leader import Leader, servers
from shortener.lab5_failover.leader_connections import LeaderConnections
from shortener.lab5_failover.position import Position
from shortener.lab5_failover.replica_reads import ReplicaReads
from shortener.lab5_failover.replica_store import ReplicaStore
from shortener.lab5_failover.server_connection import Reading, ServerConnection

URL = "postgresql://lab@old,new/links"
OLD, NEW = Position(1, 1, 1000), Position(1, 2, 900)


class Answering(ServerConnection):
    """To a server that takes each connection at once, and believes that it leads."""

    def __init__(self, position: Position) -> None:
        self.position = position

    @property
    def closed(self) -> bool:
        return False

    async def close(self) -> None:
        pass

    def hang_up(self) -> None:
        pass

    @contextlib.contextmanager
    def bounded(self, end: float) -> Iterator[None]:
        yield

    async def look(self) -> Position:
        return self.position


@pytest.fixture
def both_believe_that_they_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connected(server: Mapping[str, Any], end: float) -> ServerConnection:
        return Answering({"old": OLD, "new": NEW}[server["host"]])

    monkeypatch.setattr(ServerConnection, "to", connected)


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


@pytest.mark.usefixtures("both_believe_that_they_lead")
def test_once_a_leader_is_in_doubt_the_others_are_asked_before_it() -> None:
    async def scenario() -> None:
        leader = Leader(URL)
        end = asyncio.get_running_loop().time() + 5
        first = await leader.connect(end)
        assert first.position == OLD  # it is asked first
        leader.forget(first.epoch)
        for _ in range(3):
            assert (await leader.connect(end)).position == NEW
        assert not leader.superseded(NEW)
        assert leader.superseded(OLD)
        leader.forget(leader.epoch)
        assert (await leader.connect(end)).position == NEW  # also when it is in doubt itself
        await leader.close()

    asyncio.run(scenario())


def test_an_idle_connection_to_a_superseded_leader_is_used_no_more() -> None:
    leader = Leader(URL)
    writes, connection = LeaderConnections(URL, 2, leader=leader), Answering(OLD)
    leader.heard_of(OLD)
    assert writes._is_current(connection)
    leader.heard_of(NEW)
    assert not writes._is_current(connection)


def test_what_an_old_leader_called_new_enough_is_not_cached() -> None:
    """It has just come back. A replica of the new leader is as far, and may lack what was changed there meanwhile."""

    class Reads(ReplicaReads):
        async def position(self) -> Position:
            return OLD

        async def find_url(self, link_id: str, wanted: Position | None) -> Reading[str | None]:
            self.leader.heard_of(at)
            return Reading("https://example.com/", at, at, 0)

    leader = Leader(URL)
    reads = Reads(leader, 2, servers(URL, "X"), CollectorRegistry())
    at = OLD
    assert asyncio.run(ReplicaStore(reads).find_newest_url("abc")).value
    at = NEW._replace(lsn=2000)
    with pytest.raises(CacheAway):
        asyncio.run(ReplicaStore(reads).find_newest_url("abc"))


def test_a_redirect_that_no_leader_answers_is_quicker_than_the_balancers_patience() -> None:
    balancer = (ROOT / "infra" / "config" / "haproxy.cfg").read_text()
    (milliseconds,) = re.findall(r"set-timeout server (\d+)ms if .*GET", balancer)
    assert 0.75 * int(milliseconds) / 1000 > POSITION + REPLICA


def test_what_cancels_a_write_is_over_before_the_next_write() -> None:
    class Writing(Answering):
        """Its write ends just when it is given up."""

        asked_to_cancel = cancelled = False

        @contextlib.asynccontextmanager
        async def pipeline(self) -> AsyncIterator[Any]:
            yield AsyncMock()

        async def execute(self, *_: Any, **__: Any) -> Any:
            while not self.asked_to_cancel:
                await asyncio.sleep(0)
            return AsyncMock(**{"fetchall.return_value": [], "fetchone.return_value": (False, 1, 1000, None)})

        async def cancel_safe(self, *, timeout: float = 30) -> None:
            self.asked_to_cancel = True
            await asyncio.sleep(0.05)
            self.cancelled = True

    async def scenario() -> None:
        connection = Writing(OLD)
        await connection.write("", (), until=0)
        assert connection.cancelled

    asyncio.run(scenario())
