"""What one copy can do and what one link takes: measured here, given by hand, or the textbook's. Lab 4."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import LabError
from infra.runtime.troubles import told


@dataclass(frozen=True)
class Rate:
    """One figure of the machine and its software. `source` says where `value` comes from."""

    value: float
    source: str


@dataclass(frozen=True)
class Kind:
    textbook: float  # an order of magnitude, as interviews use it; nobody has measured it
    unit: str
    meaning: str


KINDS = {
    "redirects": Kind(1_000, "/s", "redirects that one copy answers"),
    "writes": Kind(200, "/s", "new links that one copy takes"),
    "row": Kind(200, "bytes", "a row of `links` and its indexes, less the url"),
    "url-copies": Kind(3, "x", "room in Postgres for each byte of its url"),
    "entry": Kind(100, "bytes", "a link in the cache, less its url"),
    "answer": Kind(300, "bytes", "a redirect on the wire, less the url"),
    "event": Kind(100, "bytes", "a click in Kafka"),
}
TEXTBOOK, BY_HAND = "textbook", "by hand"
FILE = "capacity.json"

Rates = Mapping[str, Rate]


def textbook() -> dict[str, Rate]:
    return {name: Rate(kind.textbook, TEXTBOOK) for name, kind in KINDS.items()}


def by_hand(given: Mapping[str, float]) -> dict[str, Rate]:
    """Raises LabError for a name that is none, or a figure that nothing can have."""
    for name, value in given.items():
        if name not in KINDS:
            raise LabError(f"--rate {name} names no figure. There are {', '.join(KINDS)}.")
        if not 0 < value < 1e12:
            raise LabError(f"--rate {name}={value:g} will not do: name a number greater than 0.")
    return {name: Rate(value, BY_HAND) for name, value in given.items()}


def save(folder: Path, rates: Rates) -> None:
    with told():
        folder.mkdir(parents=True, exist_ok=True)
        record = {name: [rate.value, rate.source] for name, rate in rates.items()}
        (folder / FILE).write_text(json.dumps(record, indent=2))


def load(folder: Path) -> dict[str, Rate]:
    """Those that were measured last, none when nothing was. A file that cannot be read is as good as none."""
    try:
        record = json.loads((folder / FILE).read_text())
        return {name: Rate(float(value), str(source)) for name, (value, source) in record.items() if name in KINDS}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
