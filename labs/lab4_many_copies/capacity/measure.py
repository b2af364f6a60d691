"""Measures what `lab capacity` counts with, on a stage that stands: about ten seconds, on one copy of it. Lab 4."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import psutil

from infra.copies import copies
from infra.errors import LabError
from infra.runtime.protocol import Progress, Runtime
from labs.lab4_many_copies.answers import answers
from labs.lab4_many_copies.capacity.rates import Rate
from labs.lab4_many_copies.capacity.stored import entry_bytes, event_bytes, row_bytes
from labs.lab4_many_copies.new_links import make

_SECONDS = 3.0  # for the writes, and again for the redirects
_WARM_UP = 1.0  # seconds
_LOOK, _BUSY = 0.5, 0.3  # seconds; a stage that nobody uses needs less
_URL = 100  # bytes
_FOLLOWED = 200  # links: each is in the cache soon
_WRITERS, _READERS = 16, 32  # connections


@dataclass
class Measured:
    """`made`: links that the measurement left on the stage. `missing`: what could not be measured, and why."""

    rates: dict[str, Rate] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    made: int = 0


def measure(stage: Runtime, lab: int, progress: Progress) -> Measured:
    """Raises LabError when the service does not answer as it should; a server that is not there is only missing."""
    busy = psutil.cpu_percent(_LOOK) / 100
    source = f"measured on lab {lab}{' (busy)' if busy > _BUSY else ''}, {date.today().isoformat()}"
    found = Measured()

    def note(what: str, *figures: tuple[str, float]) -> None:
        for name, value in figures:
            found.rates[name] = Rate(value, source)
        progress(what)

    if busy > _BUSY:
        progress(f"this machine is {busy:.0%} busy with other things already: the rates come out too low")
    copies_here = copies(stage.stage)
    address = stage.address(copies_here[0].name if copies_here else "app")
    made = make(address, _SECONDS, url_size=_URL, connections=_WRITERS)
    followed, found.made = made.ids[:_FOLLOWED], len(made.ids)
    note(f"one copy takes {made.a_second:,.0f} new links a second", ("writes", made.a_second))
    rate, size = _redirects(address, followed)
    note(f"one copy answers {rate:,.0f} redirects a second", ("redirects", rate), ("answer", float(size - _URL)))
    boxes = {name for box in stage.stage.boxes for name in box.names}
    servers: dict[str, Callable[[], list[tuple[str, float]]]] = {
        "postgres": lambda: list(zip(("row", "url-copies"), row_bytes(stage), strict=True)),
        "redis": lambda: [("entry", entry_bytes(stage, followed[0], _URL))],
        "kafka": lambda: [("event", event_bytes(stage))],
    }
    for box, ask in servers.items():
        try:
            if box not in boxes:
                raise LabError(f"lab {lab} has no {box}")
            note(f"{box} says what a link takes", *ask())
        except LabError as error:
            found.missing.append(f"{box}: {error}")
    return found


def _redirects(address: tuple[str, int], ids: list[str]) -> tuple[float, int]:
    """How many a second from a warm cache, and the bytes of one on the wire."""
    turn = itertools.cycle([f"GET /{link_id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for link_id in ids])
    answers(address, turn.__next__, 302, _WARM_UP, _READERS)
    found = answers(address, turn.__next__, 302, _SECONDS, _READERS)
    return found.a_second, found.size
