"""What a native box is made from, and what each kind of box (a module beside this one) can do with it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.compose.box import Box


@dataclass(frozen=True)
class Plan:
    """One box, ready to be started. `port` is where it listens on 127.0.0.1; `environment` is final; `folders` are
    its mounts by their path inside the box; `cache` keeps what may be made once for all stages."""

    box: Box
    app: Path
    port: int
    environment: Mapping[str, str]
    folders: Mapping[str, Path]
    cache: Path


class NativeBox(Protocol):
    """A kind of native box."""

    stop_signal: signal.Signals
    leader_only: bool  # whether the stop signal goes to the first process alone, which ends the others itself

    def prepare(self, plan: Plan) -> None:
        """Make what must be there before the start, such as a database's files."""

    def command(self, plan: Plan) -> list[str] | None:
        """What is executed; None when the app has no such process, which counts as completed."""

    def folder(self, plan: Plan) -> Path:
        """Where it is executed."""

    def obstacle(self, plan: Plan) -> str:
        """Why the box is not ready, asked of the box itself; empty when it is."""

    def client(self, plan: Plan) -> list[str]:
        """The command that opens the box's own client. Raises LabError when it has none."""

    def tidy(self, plan: Plan) -> None:
        """Called once the box is down for good: remove what a killed one left outside its folders."""

    def can_fill(self) -> str:
        """Why the box's disk cannot be made full here; empty when it can."""
