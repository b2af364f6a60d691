"""Layered hints for each check: a nudge, a pointer, the shape of the answer. Words: labs/labN_*/hints.toml."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from infra.errors import LabError
from infra.project import LAB_HOME, ROOT

LAYERS = ("nudge", "pointer", "shape")


@dataclass(frozen=True)
class Hint:
    """One layer of the hints for one check. `more` tells whether asking again says more."""

    check: str
    layer: str
    text: str
    more: bool


def read_hints(lab: int) -> dict[str, dict[str, str]]:
    """Check name to its layers. A lab keeps the promises of those before it, so it has their hints too."""
    hints: dict[str, dict[str, str]] = {}
    for number in range(1, lab + 1):
        for path in (ROOT / "labs").glob(f"lab{number}_*/hints.toml"):
            hints |= tomllib.loads(path.read_text())
    return hints


def last_failed(lab: int, home: Path = LAB_HOME) -> list[str] | None:
    """The checks that failed when lab N was checked last; None when it was not checked last."""
    try:
        record = json.loads((home / "last-check.json").read_text())
        return [str(name) for name in record["failed"]] if record["lab"] == lab else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def next_hint(lab: int, check: str, home: Path = LAB_HOME) -> Hint:
    """The next layer for `check`: asked again for the same one, it goes deeper, until the last.

    Raises LabError when there are no hints for that name."""
    hints = read_hints(lab)
    if check not in hints:
        raise LabError(f"Lab {lab} has no check called {check}. Its checks are: {', '.join(sorted(hints))}.")
    path = home / "last-hint.json"
    depth = min(_depth(path, lab, check) + 1, len(LAYERS) - 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"lab": lab, "check": check, "depth": depth}))
    layer = LAYERS[depth]
    return Hint(check, layer, hints[check][layer].strip("\n"), more=depth + 1 < len(LAYERS))


def _depth(path: Path, lab: int, check: str) -> int:
    """How deep the last hint went if it was for that check, else -1."""
    try:
        record = json.loads(path.read_text())
        return int(record["depth"]) if (record["lab"], record["check"]) == (lab, check) else -1
    except (OSError, ValueError, KeyError, TypeError):
        return -1
