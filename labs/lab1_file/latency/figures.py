"""The table of `lab numbers`: what textbooks say, what this machine says, and what that means for a design."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from labs.lab1_file.latency import disk, memory, network

Address = tuple[str, int]


@dataclass(frozen=True)
class Figure:
    """One row. Times in seconds; `here` None means that it was not measured, and `meaning` says why.

    `textbook` None: the books name no figure that all agree on."""

    what: str
    textbook: float | None
    here: float | None
    meaning: str

    @property
    def ratio(self) -> float | None:
        """Here against the textbook: 2.0 is twice as slow."""
        return self.here / self.textbook if self.here is not None and self.textbook else None


# Memory, SSD, disk seek and cross-region: the orders of magnitude on the roadmap. Round trip in one data centre: Jeff
# Dean, "Designs, Lessons and Advice from Building Large Distributed Systems" (2009). A handshake is one round trip.
MEMORY = Figure("memory access", 100e-9, None, "a dictionary look-up costs a few of these")
READ = Figure("read 4 KiB from SSD", 100e-6, None, "")
FSYNC = Figure("fsync of 4 KiB", None, None, "the price of «this link is safe»: a POST pays it, a GET does not")
SEEK = Figure("disk seek", 10e-3, None, "a spinning disk moves its arm; named for scale, not measured")
TRIP = Figure("TCP round trip", 500e-6, None, "textbook: two machines in one data centre; here: loopback, no cable")
CONNECT = Figure("TCP connect", 500e-6, None, "a round trip before the request's first byte: keep connections open")
HTTP = Figure("HTTP GET /healthz", None, None, "")
REGION = Figure("cross-region round trip", 100e-3, None, "light in fibre sets it; one machine cannot measure it")

CACHED_BELOW = 10e-6  # seconds; no SSD answers a random read as fast, so a cache did (the host's, or a disk in memory)


def measure(folder: Path, stage: Address | None) -> Iterator[Figure]:
    """Each row as soon as it is measured; about 5 seconds in all. `folder` is on the disk to measure."""
    yield replace(MEMORY, here=memory.memory_access())
    times = disk.disk_times(folder)
    yield replace(READ, here=times.read, meaning=_read_meaning(times))
    yield replace(FSYNC, here=times.fsync)
    yield SEEK
    yield replace(TRIP, here=network.round_trip())
    yield replace(CONNECT, here=network.connect())
    yield _http(stage, network.http_request)
    yield REGION


def _read_meaning(times: disk.DiskTimes) -> str:
    if times.read < CACHED_BELOW:
        return f"read {times.how}, yet faster than any SSD: some other cache answered"
    return f"a thousand memory accesses; read {times.how}"


def _http(stage: Address | None, request: Callable[[Address], float | None]) -> Figure:
    if stage is None:
        return replace(HTTP, meaning="no stage stands: `make lab-1`, then once more")
    here = request(stage)
    if here is None:
        return replace(HTTP, meaning="the stage did not answer 200: see `lab status`")
    return replace(HTTP, here=here, meaning="your stage on a kept connection: all above the round trip is the program")


def in_words(seconds: float) -> str:
    """A time in its natural unit, such as `120 ns`, `80 µs`, `1.5 ms`."""
    for unit, size in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            amount = seconds / size
            return f"{amount:.2g} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{seconds:.2g} s"
