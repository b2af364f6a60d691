"""A line a cell of the matrix, for the page: written only where MATRIX_RECORD names a file, as `make matrix` does."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from checks.matrix.probe import probed

_SHOWN = 2.0  # seconds that a fault is in force at least


def record_file() -> Path | None:
    name = os.environ.get("MATRIX_RECORD")
    return Path(name) if name else None


@dataclass
class Cell:
    """One fault of one lab in one runtime. `fault` and `meets` are in words."""

    lab: int
    fault: str
    meets: str
    runtime: str
    file: Path | None = field(default_factory=record_file)
    _figures: dict[str, float | str] = field(default_factory=dict)

    @contextmanager
    def met(self, base_url: str, link_id: str) -> Iterator[None]:
        """What clients meet meanwhile is counted."""
        if self.file is None:
            yield
            return
        with probed(base_url, link_id) as probe:
            yield
            time.sleep(max(0.0, probe.began + _SHOWN - time.monotonic()))
        self._figures |= probe.figures()

    def healed(self, heal: Callable[[], None]) -> None:
        """Heal, and write the cell down."""
        began = time.monotonic()
        heal()
        self._figures["healed"] = time.monotonic() - began
        self._write()

    def impossible(self, why: str) -> None:
        """This runtime cannot inject it."""
        self._figures["inconclusive"] = why
        self._write()

    def _write(self) -> None:
        if self.file is None:
            return
        said = {"lab": self.lab, "fault": self.fault, "meets": self.meets, "runtime": self.runtime}
        where = {
            "machine": f"{os.cpu_count()} cores, {platform.system()}",
            "day": datetime.now(UTC).strftime("%Y-%m-%d"),
        }
        with self.file.open("a") as file:
            file.write(json.dumps({**said, **where, **self._figures}) + "\n")
