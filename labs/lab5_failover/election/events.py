"""What the nodes say of themselves: a line of JSON for each term's begin and end, each round, each refusal. Lab 5."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """`what` is "leads", "follows", "swept" or "refused"; `at` in seconds since 1970."""

    at: float
    node: str
    what: str
    token: int


@dataclass(frozen=True)
class Term:
    """From when until when a node believed that it led. Seconds since 1970."""

    node: str
    token: int
    start: float
    end: float


def read_events(log: str) -> list[Event]:
    """The events among the lines of a box's log, whatever else stands in it."""
    found = (_event(line) for line in log.splitlines())
    return [event for event in found if event is not None]


def _event(line: str) -> Event | None:
    try:
        said = json.loads(line[line.index("{") :])
        return Event(float(said["at"]), str(said["node"]), str(said["event"]), int(said["token"]))
    except (ValueError, KeyError, TypeError):
        return None


def terms(events: Iterable[Event], began: float, ended: float) -> list[Term]:
    """Each node's terms within that time. One that has not ended yet ends with it."""
    open_terms: dict[str, Event] = {}
    found: list[Term] = []

    def close(event: Event, end: float) -> None:
        if end > began and event.at < ended:
            found.append(Term(event.node, event.token, max(event.at, began), min(end, ended)))

    for event in sorted(events, key=lambda event: event.at):
        if event.what == "leads":
            open_terms[event.node] = event
        elif event.what == "follows" and event.node in open_terms:
            close(open_terms.pop(event.node), event.at)
    for event in open_terms.values():
        close(event, ended)
    return sorted(found, key=lambda term: term.start)


def at_once(found: Sequence[Term], moment: float) -> int:
    """How many nodes believed at that moment that they led."""
    return sum(term.start <= moment < term.end for term in found)


def most_at_once(found: Sequence[Term]) -> int:
    return max((at_once(found, term.start) for term in found), default=0)
