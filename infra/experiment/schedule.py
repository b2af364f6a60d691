"""Plays an experiment's faults on time, in the runner's own process, and writes down when each really happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from infra.experiment.timeline import FaultSpan
from infra.runtime.protocol import Runtime

_MOMENT = 0.1  # seconds: a fault that took less is drawn as a moment
_GLANCE = 0.05  # seconds between two looks at whether the load still runs


@dataclass(frozen=True)
class At:
    """Something done to the stage `seconds` after the load began. `label` names it on the picture. What it measures it
    returns by name, and the timeline's figures hold it. An entry past the load's end waits for that end. `kills` is the
    box that it kills with kill -9, `starts` one that it starts again, for who must know that (clicks.py). Where
    `unless` says so by then, it is left out."""

    seconds: float
    label: str
    do: Callable[[Runtime], Mapping[str, float] | None]
    kills: str = ""
    starts: str = ""
    unless: Callable[[], bool] = lambda: False


def play(
    schedule: Sequence[At],
    runtime: Runtime,
    began: float,
    *,
    meanwhile: Callable[[], None] = lambda: None,
    announce: Callable[[FaultSpan], None] = lambda span: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[list[FaultSpan], dict[str, float]]:
    """Do each entry at its time after `began`; one still at work when the next is due delays that one, only as long as
    it takes. `meanwhile` is called while waiting and may raise to end the play. Returns the spans and the figures."""
    spans: list[FaultSpan] = []
    figures: dict[str, float] = {}
    for entry in sorted(schedule, key=lambda entry: entry.seconds):
        while (left := began + entry.seconds - clock()) > 0:
            meanwhile()
            sleep(min(left, _GLANCE))
        if entry.unless():
            continue
        start = clock() - began
        announce(FaultSpan(entry.label, start))
        figures.update(entry.do(runtime) or {})
        end = clock() - began
        spans.append(FaultSpan(entry.label, start, end if end - start >= _MOMENT else None, entry.kills, entry.starts))
    return spans, figures
