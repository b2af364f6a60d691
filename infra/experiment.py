"""An experiment is load + fault schedule -> timeline: every request and every fault on one clock, and afterwards the
audit of what was acknowledged. `lab break` shows it, a check asserts on it, a report draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from infra.runtime.protocol import Runtime

Outcome = Literal["ok", "failed", "unknown"]  # unknown: a write that timed out or lost its connection


@dataclass(frozen=True)
class Request:
    """One request that a client made. Seconds since the experiment's start; `seconds` is its latency.

    For an acknowledged write `link_id` and `url` say what was promised."""

    start: float
    seconds: float
    name: str  # "POST /links", "GET /{id}"
    outcome: Outcome
    status: int | None  # None: no answer came
    url: str = ""
    link_id: str = ""
    error: str = ""


@dataclass(frozen=True)
class FaultSpan:
    """One fault as it happened: seconds since the experiment's start; `end` None when it is a moment."""

    label: str
    start: float
    end: float | None = None


@dataclass(frozen=True)
class Load:
    """Bounded load from locust. `users` send one request after the other, at most `rate` a second in all (None: as fast
    as they can); a `write_share` of them are POSTs, the reads choose among `links` with Zipf's law."""

    users: int = 10
    seconds: float = 10.0
    rate: float | None = 200.0
    write_share: float = 0.2
    links: int = 200
    locustfile: Path | None = None


@dataclass(frozen=True)
class At:
    """Something done to the stage `seconds` after the load began. `label` names it on the picture."""

    seconds: float
    label: str
    do: Callable[[Runtime], None]


@dataclass(frozen=True)
class Audit:
    """What the ledger's promises are worth after the stage healed. Links are (id, url)."""

    acknowledged: int
    lost: tuple[tuple[str, str], ...]
    unknown: int
    unknown_applied: int


@dataclass(frozen=True)
class Timeline:
    requests: tuple[Request, ...]
    faults: tuple[FaultSpan, ...]
    seconds: float
    audit: Audit | None = None
    figures: dict[str, float] = field(default_factory=dict)  # what an experiment measured beside the load


@dataclass(frozen=True)
class Experiment:
    """One failure of a lab, as data: what the learner is asked, what is done, what explains it.

    `answers` are the possible predictions; `right` is the index of the one that the run's figures bear out (it is
    judged from the timeline, so that a run that went otherwise says so)."""

    name: str
    lab: int
    question: str
    answers: tuple[str, ...]
    right: Callable[[Timeline], int]
    load: Load
    schedule: tuple[At, ...]
    explanation: str
    profiles: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()  # what must be there, such as "postgres"
