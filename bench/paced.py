"""`python -m bench.paced PORTS RATE SECONDS`: GETs at a steady rate, each when it is due, over a few connections to
each of the ports (separated by commas). SECONDS 0: until its input ends, whose first line holds the paths.

A process of its own and a bare protocol, as bench.hammer. Prints, as JSON, [when it was due, seconds, status] of each
request; the time is the machine's monotonic clock, the seconds count from when it was due, and 0 is no whole answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import uvloop

END = b"\r\n\r\n"
CONNECTIONS = 24  # in all
PATIENCE = 6.0  # seconds for one answer: a little over what the service promises

Row = tuple[float, float, int]


class Client(asyncio.Protocol):
    """One connection, which is made anew when it was lost. What is due while an answer is awaited comes after it."""

    def __init__(self, port: int, requests: Iterator[bytes], note: Callable[[Row], None]) -> None:
        self.port, self.requests, self.note = port, requests, note
        self.transport: asyncio.WriteTransport | None = None
        self.answered: asyncio.Future[int] | None = None
        self.received = b""

    async def run(self, turns: Iterable[int], due_of: Callable[[int], float], ended: Callable[[int], bool]) -> None:
        for turn in turns:
            due = due_of(turn)
            await asyncio.sleep(due - time.monotonic())
            if ended(turn):
                break
            status = await self.ask()
            self.note((due, time.monotonic() - due, status))
        if self.transport is not None:
            self.transport.close()

    async def ask(self) -> int:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE):
                if self.transport is None:
                    await loop.create_connection(lambda: self, "127.0.0.1", self.port)
                assert self.transport is not None
                self.answered, self.received = loop.create_future(), b""
                self.transport.write(next(self.requests))
                return await self.answered
        except (OSError, TimeoutError):
            self.hang_up()
            return 0

    def hang_up(self) -> None:
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.received += data
        if END not in self.received or self.answered is None or self.answered.done():
            return
        self.answered.set_result(int(self.received[9:12]))
        if not (self.received.startswith(b"HTTP/1.1 302") and self.received.endswith(END)):
            self.hang_up()  # a body comes, and nobody wants it

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(0)


async def paced(ports: list[int], rate: float, seconds: float, paths: list[str], over: threading.Event) -> list[Row]:
    requests = itertools.cycle([f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in paths])
    begin, rows = time.monotonic() + 0.1, list[Row]()
    most = round(rate * seconds) if seconds else math.inf

    def due_of(turn: int) -> float:
        return begin + turn / rate

    def ended(turn: int) -> bool:
        return turn >= most or over.is_set()

    clients = [Client(port, requests, rows.append) for port, _ in zip(itertools.cycle(ports), range(CONNECTIONS))]
    turns = [itertools.count(number, CONNECTIONS) for number in range(CONNECTIONS)]
    await asyncio.gather(*[one.run(its, due_of, ended) for one, its in zip(clients, turns, strict=True)])
    return sorted(rows)


def main() -> None:
    ports, rate, seconds = sys.argv[1:]
    paths, over = sys.stdin.readline().split(), threading.Event()
    if not float(seconds):
        threading.Thread(target=_set_at_the_end_of_input, args=(over,), daemon=True).start()
    load = paced([int(port) for port in ports.split(",")], float(rate), float(seconds), paths, over)
    rows = uvloop.run(load)
    with open(1, "w", closefd=False) as out:  # with PYTHONUNBUFFERED `print` may write a part of a long line alone
        out.write(json.dumps(rows))


def _set_at_the_end_of_input(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


if __name__ == "__main__":
    main()
