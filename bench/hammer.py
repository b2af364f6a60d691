"""`python -m bench.hammer PORT SECONDS CONNECTIONS < paths`: GETs of redirects, one after the other on each connection.

A process of its own and a bare protocol, so that little of the machine goes into making the load. Prints JSON."""

from __future__ import annotations

import asyncio
import functools
import json
import random
import sys
import time

import uvloop

END = b"\r\n\r\n"


class Client(asyncio.Protocol):
    """Sends a GET, waits for its answer's end (no body is expected), and sends the next."""

    def __init__(self, requests: list[bytes], end: float, latencies: list[float], gone: asyncio.Future[None]) -> None:
        self.requests, self.end, self.latencies, self.gone = requests, end, latencies, gone
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self.send()

    def send(self) -> None:
        self.start = time.perf_counter()
        self.transport.write(random.choice(self.requests))

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.received.endswith(END):
            return
        if not self.received.startswith(b"HTTP/1.1 302"):
            self.gone.set_exception(RuntimeError(f"not a redirect: {self.received[:200]!r}"))
            self.transport.close()
            return
        self.received = b""
        now = time.perf_counter()
        self.latencies.append(now - self.start)
        if now < self.end:
            self.send()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


async def hammer(port: int, seconds: float, connections: int, paths: list[str]) -> dict[str, float]:
    """Answers a second and the latency, in seconds, that 50 and 99 of 100 requests stayed below."""
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in paths]
    loop = asyncio.get_running_loop()
    start, latencies = time.perf_counter(), list[float]()
    gone = [loop.create_future() for _ in range(connections)]
    for future in gone:
        make = functools.partial(Client, requests, start + seconds, latencies, future)
        await loop.create_connection(make, "127.0.0.1", port)
    await asyncio.gather(*gone)
    took = time.perf_counter() - start
    latencies.sort()
    return {"rate": len(latencies) / took} | {f"p{p}": latencies[len(latencies) * p // 100] for p in (50, 99)}


if __name__ == "__main__":
    port, seconds, connections = sys.argv[1:]
    print(json.dumps(uvloop.run(hammer(int(port), float(seconds), int(connections), sys.stdin.read().split()))))
