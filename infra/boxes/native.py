"""What a native box is made from, and what each kind of box (a module beside this one) can do with it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.compose.box import Box

Progress = Callable[[str], None]  # one short sentence for the learner


@dataclass(frozen=True)
class Entrance:
    """A door of its own for one client: it asks for the port `inside`, the box listens for it at 127.0.0.1:`listen`,
    and the client finds that at 127.0.0.1:`found_at` (the relay)."""

    inside: int
    listen: int
    found_at: int


@dataclass(frozen=True)
class Plan:
    """One box, ready to be started. `port` is where it listens on 127.0.0.1, `ports` are all of its ports by their
    number inside the box; `environment` is final; `folders` are its mounts by their path inside the box; `work` is a
    folder for what lives as long as the stage stands; `cache` keeps what may be made once for all stages."""

    box: Box
    app: Path
    port: int
    environment: Mapping[str, str]
    folders: Mapping[str, Path]
    work: Path
    cache: Path
    ports: Mapping[int, int]
    entrances: tuple[Entrance, ...] = ()


class NativeBox(Protocol):
    """A kind of native box."""

    stop_signal: signal.Signals
    leader_only: bool  # whether the stop signal goes to the first process alone, which ends the others itself
    tells_addresses: bool  # whether it tells its clients where to go on: each link then needs an entrance of its own

    def variables(self, port: int) -> dict[str, str]:
        """The variables that tell the box to listen at 127.0.0.1:`port`; none when its command does."""

    def prepare(self, plan: Plan, progress: Progress) -> None:
        """Make what must be there before the start, such as a database's files."""

    def command(self, plan: Plan) -> list[str] | None:
        """What is executed; None when the app has no such process, which counts as completed."""

    def folder(self, plan: Plan) -> Path:
        """Where it is executed."""

    def obstacle(self, plan: Plan) -> str:
        """Why the box is not ready, asked of the box itself; empty when it is."""

    def afterwards(self, plan: Plan) -> list[str] | None:
        """A command that makes later starts quicker, run in the background once the box is ready; None: no such."""

    def client(self, plan: Plan) -> list[str]:
        """The command that opens the box's own client; no word of it is a secret. Raises LabError when it has none."""

    def client_inside(self, box: Box) -> list[str]:
        """The same as words to execute inside the box's container."""

    def tidy(self, plan: Plan) -> None:
        """Called once the box is down for good: remove what a killed one left outside its folders."""

    def can_fill(self) -> str:
        """Why the box's disk cannot be made full here; empty when it can."""
