"""What clients meet while a fault is in force: reads and writes all the time, counted, for the page of figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import httpx

_EVERY = 0.1  # seconds between two requests of a kind
_MOST = 6.0  # seconds that a request may take: the contract says 5


@dataclass
class Kind:
    """The requests of one kind: how many, how many were not served, and when each served one ended."""

    sent: int = 0
    failed: int = 0
    served: list[float] = field(default_factory=list)

    def gap(self, began: float, ended: float) -> float:
        """The longest time in seconds without a served one."""
        moments = [began, *(at for at in self.served if began < at < ended), ended]
        return max(after - before for before, after in pairwise(moments))


@dataclass
class Probe:
    """Reads are of one link that is there; a write is a new link."""

    base_url: str
    link_id: str
    reads: Kind = field(default_factory=Kind)
    writes: Kind = field(default_factory=Kind)
    began: float = 0.0
    ended: float = 0.0

    def figures(self) -> dict[str, float]:
        """For the page: counts, and the longest gaps in seconds."""
        return {
            "seconds": self.ended - self.began,
            "reads": self.reads.sent,
            "reads_failed": self.reads.failed,
            "read_gap": self.reads.gap(self.began, self.ended),
            "writes": self.writes.sent,
            "writes_failed": self.writes.failed,
            "write_gap": self.writes.gap(self.began, self.ended),
        }


@contextmanager
def probed(base_url: str, link_id: str) -> Iterator[Probe]:
    """Requests until the block is left, two of each kind at a time at most: one that hangs holds up no other."""
    probe, stop = Probe(base_url, link_id), threading.Event()
    threads = [
        threading.Thread(target=_go_on, args=(probe, kind, write, stop, offset), daemon=True)
        for kind, write in ((probe.reads, False), (probe.writes, True))
        for offset in (0.0, _EVERY)
    ]
    probe.began = time.monotonic()
    for thread in threads:
        thread.start()
    try:
        yield probe
    finally:
        probe.ended = time.monotonic()
        stop.set()
        for thread in threads:
            thread.join(_MOST + 1.0)


def _go_on(probe: Probe, kind: Kind, write: bool, stop: threading.Event, offset: float) -> None:
    if stop.wait(offset):
        return
    with httpx.Client(base_url=probe.base_url, timeout=_MOST, trust_env=False) as client:
        while not stop.is_set():
            kind.sent += 1
            if _served(client, probe.link_id, write):
                kind.served.append(time.monotonic())
            else:
                kind.failed += 1
            stop.wait(2 * _EVERY)


def _served(client: httpx.Client, link_id: str, write: bool) -> bool:
    try:
        if write:
            return client.post("/links", json={"url": "https://example.com/probe"}).status_code == 201
        return client.get(f"/{link_id}").status_code == 302
    except httpx.HTTPError:
        return False
