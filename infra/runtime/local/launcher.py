"""How the boxes of a local stage are started: each when those it waits for are there, several at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.compose.box import Box
from infra.errors import LabError

START_DEADLINE = 60.0  # seconds that a box has to become ready
STEP_DEADLINE = 300.0  # seconds that a one-off step such as a migration may take
_POLL = 0.015  # seconds
_LATER = 0.05  # the same for what takes longer: whoever is asked needs the processor to become ready
_SOON = 1.0  # seconds


@dataclass
class Launcher:
    """Starts boxes and waits for them. `spawn(box, progress)` returns False when there is nothing to wait for;
    `obstacle(box)` says why the box is not ready or done yet, "" when it is; `check_alive(box)` raises when it ended
    instead; `advice(box)` is what to do about a box that is too slow."""

    spawn: Callable[[Box, Callable[[str], None]], bool]
    obstacle: Callable[[Box], str]
    check_alive: Callable[[Box], None]
    advice: Callable[[Box], str]
    progress: Callable[[str], None]
    _began: dict[str, float] = field(default_factory=dict)
    _spawned: dict[str, float] = field(default_factory=dict)  # after what it had to fetch and to make

    def run(self, boxes: list[Box], ready: set[str]) -> None:
        """Bring up the boxes, in order of their dependencies; `ready` names those that are there already."""
        waiting = list(boxes)
        starting: list[Box] = []
        while waiting or starting:
            for box in [box for box in waiting if set(box.depends_on) <= ready]:
                waiting.remove(box)
                self._began[box.name] = time.monotonic()
                if self.spawn(box, self.progress):
                    self._spawned[box.name] = time.monotonic()
                    starting.append(box)
                else:
                    ready.add(box.name)
            for box in list(starting):
                if self._arrived(box):
                    starting.remove(box)
                    ready.add(box.name)
            if starting:
                newest = max(self._spawned[box.name] for box in starting)
                time.sleep(_POLL if time.monotonic() - newest < _SOON else _LATER)

    def _arrived(self, box: Box) -> bool:
        why = self.obstacle(box)
        seconds = time.monotonic() - self._began[box.name]
        if not why:
            self.progress(f"{box.name} is {'done' if box.step else 'ready'} ({seconds:.1f} s)")
            return True
        self.check_alive(box)
        deadline = STEP_DEADLINE if box.step else START_DEADLINE
        if time.monotonic() - self._spawned[box.name] > deadline:
            raise LabError(f"{box.name} is not ready after {deadline:.0f} s: {why}.\n{self.advice(box)}")
        return False
