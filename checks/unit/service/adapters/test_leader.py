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
from shortener.lab2_postgres.connections import SECONDS
from shortener.lab2_postgres.migrate import migrate
from shortener.lab3_cache_and_events.migrate import VERSIONS

URL = "https://example.com/"
T = TypeVar("T")


@contextlib.contextmanager
def hung() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield int(listener.getsockname()[1])


async def answered(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer. While the service says in time that it has none, as on a busy machine, it is asked again."""
    async with asyncio.timeout(15):
        while True:
            with contextlib.suppress(Unavailable):
                return await ask()


def test_who_leads_is_found_beside_one_that_hangs_and_found_anew_after_a_failover(tmp_path: Path) -> None:
    with running_pair(tmp_path) as pair, hung() as port:
        migrate(pair.primary.url, versions=VERSIONS)
        url = pair.url.replace("@127.0.0.1:", f"@127.0.0.1:{port},127.0.0.1:1,127.0.0.1:")

        async def scenario() -> None:
            async with opened(url, pair.url) as side, opened(url) as other:
                start = time.monotonic()
                await asyncio.gather(*[side.links.add(URL) for _ in range(4)])
                assert time.monotonic() - start < SECONDS - 0.5  # each of the first two would have cost its 2 s
                with request() as session:
                    link = await side.links.add(URL)
                assert await other.store.find_url(link.id) == URL
                await other.links.add(URL)

                pair.catch_up()
                pair.primary.signal(signal.SIGSTOP)  # its host is gone without a word
                promoted = asyncio.create_task(asyncio.to_thread(pair.standby.ask, "SELECT pg_promote()"))
                start = time.monotonic()
                lost = await asyncio.gather(*[side.links.add(URL) for _ in range(4)], return_exceptions=True)
                assert all(isinstance(each, Unavailable) for each in lost)  # nobody knows of them
                assert time.monotonic() - start < SECONDS + 0.5
                await promoted
                start = time.monotonic()
                with request(session.seen) as session:
                    assert await side.links.change(link.id, URL + "new")
                assert session.seen is not None
                assert session.seen.timeline == 2
                assert time.monotonic() - start < 1.0  # the other connections to the old one are dropped with the first
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

        try:
            run(scenario)
        finally:
            pair.primary.signal(signal.SIGCONT)


def test_a_write_waits_for_a_leader_and_is_given_up_in_time(tmp_path: Path) -> None:
    with running_pair(tmp_path) as pair:
        migrate(pair.primary.url, versions=VERSIONS)
        pair.catch_up()

        async def scenario() -> None:
            async with opened(pair.standby.url) as side:
                start = time.monotonic()
                with pytest.raises(Unavailable):
                    await side.links.add(URL)
                assert time.monotonic() - start < SECONDS + 0.5
                waiting = [asyncio.create_task(side.links.add(URL)) for _ in range(3)]
                await asyncio.sleep(0)
                await asyncio.to_thread(pair.standby.ask, "SELECT pg_promote()")
                assert [link.url for link in await asyncio.gather(*waiting)] == [URL] * 3

        run(scenario)
