"""What the clients of two regions wrote, what each had read before, and which of it was lost. Pure. Lab 5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.experiment.timeline import Outcome


@dataclass(frozen=True)
class Write:
    """One write of a client. `saw` are the urls that it had read just before, which it means to replace.

    `start` in seconds since the run began, `seconds` until it was acknowledged, with what had to be read again.
    `step` is which of the schedule's steps it belongs to, by number."""

    region: str
    link: str
    url: str
    saw: frozenset[str]
    outcome: Outcome
    status: int | None
    start: float
    seconds: float
    refused: int = 0  # times that it was told to read again first (412)
    step: int = 0


def lost(writes: Sequence[Write], shown: Iterable[str], read: Iterable[str]) -> tuple[Write, ...]:
    """The acknowledged writes that are gone although nobody who had seen them replaced them.

    `shown` are the urls that the regions show in the end, `read` those that anybody ever read. A write without an
    answer counts as one that replaced what it had read only if somebody has met it."""
    there = frozenset(shown)
    met = there | frozenset(read)
    replaced = {url for write in writes if write.outcome == "ok" or write.url in met for url in write.saw}
    return tuple(write for write in writes if write.outcome == "ok" and write.url not in there | replaced)
