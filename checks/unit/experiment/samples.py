"""Timelines made up for tests."""

from __future__ import annotations

from infra.experiment.timeline import Outcome, Request


def request(start: float, seconds: float = 0.01, outcome: Outcome = "ok", name: str = "GET /{id}") -> Request:
    return Request(start, seconds, name, outcome, 302 if outcome == "ok" else None)


def steady(
    start: float, end: float, outcome: Outcome = "ok", every: float = 0.1, seconds: float = 0.01
) -> list[Request]:
    """A request every `every` seconds from `start` up to `end`, all alike."""
    return [request(start + number * every, seconds, outcome) for number in range(round((end - start) / every))]
