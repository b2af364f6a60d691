"""The leader found among several servers: hung ones, replicas, one that led before; and after a failover at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from checks.unit.replicated import running_pair, wait_until
from checks.unit.service.replicas import opened, request
from checks.unit.service.running import run
from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres import connections
from shortener.lab2_postgres.migrate import migrate
from shortener.lab3_cache_and_events.migrate import VERSIONS
from shortener.lab5_failover import leader
from shortener.lab5_failover.leader_connections import LeaderConnections

URL = "https://example.com/"
T = TypeVar("T")
# The service's bounds here, in seconds: a connection that hangs costs more than a busy machine does.
CONNECT, PATIENT, SHORT = 15.0, 20.0, 2.0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, nothing below runs out of time but what a test lets run out of time."""
    monkeypatch.setattr(connections, "SECONDS", PATIENT)
    monkeypatch.setattr(LeaderConnections, "seconds", PATIENT)
    monkeypatch.setattr(leader, "CONNECT", CONNECT)
    monkeypatch.setattr(leader, "SEARCH", PATIENT)


@contextlib.contextmanager
def hung() -> Iterator[socket.socket]:
    """A server that takes connections and says nothing, until it is closed."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener


async def answered(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer. While the service says in time that it has none, as on a busy machine, it is asked again."""
    async with asyncio.timeout(15):
        while True:
            with contextlib.suppress(Unavailable):
                return await ask()


def test_who_leads_is_found_beside_one_that_hangs_and_found_anew_after_a_failover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_pair(tmp_path) as pair, hung() as listener:
        migrate(pair.primary.url, versions=VERSIONS)
        port = listener.getsockname()[1]
        url = pair.url.replace("@127.0.0.1:", f"@127.0.0.1:{port},127.0.0.1:1,127.0.0.1:")

        async def scenario() -> None:
            async with opened(url, pair.url) as side, opened(url) as other:
                start = time.monotonic()
                await asyncio.gather(*[side.links.add(URL) for _ in range(4)])
                assert time.monotonic() - start < CONNECT  # the first one alone would have cost all of it
                with request() as session:
                    link = await side.links.add(URL)
                assert await other.store.find_url(link.id) == URL
                await other.links.add(URL)

                pair.catch_up()
                pair.primary.signal(signal.SIGSTOP)  # its host is gone without a word
                promoted = asyncio.create_task(asyncio.to_thread(pair.standby.ask, "SELECT pg_promote()"))
                monkeypatch.setattr(connections, "SECONDS", SHORT)
                start = time.monotonic()
                lost = await asyncio.gather(*[side.links.add(URL) for _ in range(2)], return_exceptions=True)
                assert all(isinstance(each, Unavailable) for each in lost)  # nobody knows of them
                assert time.monotonic() - start < PATIENT
                monkeypatch.setattr(connections, "SECONDS", PATIENT)
                await promoted
                # The two connections to the old one that were idle are dropped with the others: one of them would have
                # hung for all of its time, and then been 503.
                with request(session.seen) as session:
                    assert await side.links.change(link.id, URL + "new")
                assert session.seen is not None
                assert session.seen.timeline == 2
                with request(session.seen):
                    assert await side.store.find_url(link.id) == URL + "new"

                # The old one comes back, and believes that it leads: its clients have seen more than it has.
                pair.primary.signal(signal.SIGCONT)
                wait_until(lambda: pair.primary.ask("SELECT pg_is_in_recovery()") == "False")
                with request(session.seen):
                    assert await answered(lambda: other.store.find_url(link.id)) == URL + "new"
                for _ in range(5):
                    with request() as session:
                        await answered(lambda: other.links.add(URL))
                    assert session.seen is not None
                    assert session.seen.timeline == 2
                listener.close()  # whoever still looks there is waited for at the end

        try:
            run(scenario)
        finally:
            pair.primary.signal(signal.SIGCONT)


def test_a_write_waits_for_a_leader_and_is_given_up_in_time_and_one_at_an_old_leader_is_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_pair(tmp_path) as pair:
        migrate(pair.primary.url, versions=VERSIONS)
        pair.catch_up()

        async def scenario() -> None:
            async with opened(pair.standby.url) as side, opened(pair.url) as other:
                monkeypatch.setattr(connections, "SECONDS", SHORT)
                start = time.monotonic()
                with pytest.raises(Unavailable):
                    await side.links.add(URL)
                assert time.monotonic() - start < PATIENT  # the search that it waits for goes on
                monkeypatch.setattr(connections, "SECONDS", PATIENT)
                await asyncio.gather(*[other.links.add(URL) for _ in range(4)])
                waiting = [asyncio.create_task(side.links.add(URL)) for _ in range(3)]
                await asyncio.sleep(0)
                await asyncio.to_thread(pair.standby.ask, "SELECT pg_promote()")
                assert [link.url for link in await asyncio.gather(*waiting)] == [URL] * 3

                # Nobody has told the old one. It answers everything but a commit: that waits for its standby in vain.
                monkeypatch.setattr(connections, "SECONDS", SHORT)
                with pytest.raises(Unavailable):
                    await other.links.add(URL)
                monkeypatch.setattr(connections, "SECONDS", PATIENT)
                for _ in range(5):
                    with request() as session:
                        await answered(lambda: other.links.add(URL))
                    assert session.seen is not None
                    assert session.seen.timeline == 2

        with pair.synchronous():
            run(scenario)


@pytest.mark.parametrize(("doubt", "searches"), [(PATIENT, 1), (0.0, 10)])  # each asks twice
def test_a_timeline_that_a_client_made_up_costs_the_others_one_search_in_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doubt: float, searches: int
) -> None:
    monkeypatch.setattr(leader, "DOUBT", doubt)
    with running_pair(tmp_path) as pair:
        migrate(pair.primary.url, versions=VERSIONS)

        async def scenario() -> None:
            async with opened(pair.url) as side:
                with request() as session:
                    link = await side.links.add(URL)
                assert session.seen is not None
                before, made_up = side.leader.epoch, session.seen._replace(timeline=99)
                for _ in range(5):
                    with request(made_up), pytest.raises(Unavailable):
                        await side.store.find_url(link.id)
                assert side.leader.epoch - before == searches
                with request(session.seen):
                    assert await side.store.find_url(link.id) == URL

        run(scenario)
