"""The tests' own relay leaves nothing open, whenever it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import pytest

from checks.unit.service.running import run
from checks.unit.service.wire import Wire


@pytest.mark.parametrize("turns", range(12))
def test_one_who_comes_as_it_ends_is_hung_up_on(turns: int) -> None:
    """By then the wire has got as far with the connection as it can in that many turns of the loop."""

    async def scenario() -> None:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with Wire(f"tcp://127.0.0.1:{port}").open() as url:
                reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
                for _ in range(turns):
                    await asyncio.sleep(0)
            writer.write(b"too late")
            with contextlib.closing(writer), contextlib.suppress(ConnectionError):
                assert await reader.read() == b""

    run(scenario)
    gc.collect()  # pytest fails the test for a socket that nobody closed


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer):
        while data := await reader.read(1_024):
            writer.write(data)
