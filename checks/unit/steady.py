"""GETs that go on while something is done to a stage, for tests that no client may notice it. Bounded: four clients."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

CLIENTS = 4
PAUSE = 0.01  # seconds between two requests of a client


@dataclass
class Steady:
    """What came back so far: the GETs that were answered as wanted, and in words those that were not."""

    good: int = 0
    failed: list[str] = field(default_factory=list)


@contextlib.contextmanager
def steady_gets(url: str, wanted: int) -> Iterator[Steady]:
    """Each client asks again and again, over one connection; `wanted` is the status that counts as good."""
    seen, over = Steady(), threading.Event()

    def ask() -> None:
        with httpx.Client(timeout=6.0) as client:
            while not over.is_set():
                began = time.monotonic()
                try:
                    status = client.get(url).status_code
                except httpx.TransportError as error:
                    seen.failed.append(f"{type(error).__name__} after {time.monotonic() - began:.2f} s")
                else:
                    if status == wanted:
                        seen.good += 1
                    else:
                        seen.failed.append(f"{status} after {time.monotonic() - began:.2f} s")
                over.wait(PAUSE)

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield seen
    finally:
        over.set()
        for client in clients:
            client.join()
