"""kill -9 at the worst moment: while a service's file is shorter than just before, as it is when rewritten in place.

Luck finds that moment too seldom. Only the size is looked at, so the file may hold whatever it likes."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.errors import LabError
from infra.runtime.local.runtime import LocalRuntime
from infra.runtime.protocol import Runtime


@dataclass
class Killer:
    """One step of a schedule: kills `box` and starts it again. In the local runtime it kills at the first moment at
    which the file that `variable` names is cut short, or after `patience` seconds without one; in docker, where only
    root could see the file from outside, at once."""

    box: str
    variable: str
    patience: float
    watched: float = 0.0  # seconds, over all kills
    cuts: list[tuple[int, int]] = field(default_factory=list)  # bytes before and after each kill that found one

    def __call__(self, runtime: Runtime) -> None:
        if isinstance(runtime, LocalRuntime):
            self._kill_in_time(runtime)
        else:
            runtime.kill(self.box)
        runtime.start(self.box)

    def _kill_in_time(self, runtime: LocalRuntime) -> None:
        box = runtime.stage.box(self.box)
        file = Path(runtime.boxes.plan(box).environment[self.variable])
        # Bare pids: to ask first whether each is still the same process takes longer than the moment lasts.
        pids = [process.pid for process in runtime.boxes.process(box).members()]
        began = time.monotonic()
        before, struck = watch(file, self.patience, lambda: _kill(pids))
        self.watched += time.monotonic() - began
        try:
            runtime.kill(self.box)
        except LabError:
            if not struck:  # else nothing of it is left to kill
                raise
        after = file.stat().st_size if file.exists() else 0
        if after < before:
            self.cuts.append((before, after))

    def __str__(self) -> str:
        """What was found, for a learner."""
        if self.cuts:
            before, after = self.cuts[-1]
            return f"the file was cut short when the kill came: {after:,} bytes, where {before:,} stood just before"
        if self.watched:
            return f"the file was never seen shorter than just before, in {self.watched:.1f} s of watching"
        return "kills at fixed times alone: in docker nobody outside sees the moment at which a file is cut short"


def watch(file: Path, seconds: float, strike: Callable[[], None]) -> tuple[int, bool]:
    """Look at the file's size as often as can be, for so long; `strike` once and end when it is less than just before.

    Returns the size before that (the last one, when nothing was seen) and whether it struck. No file counts 0 bytes."""
    path, end, before = str(file), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        try:
            now = os.stat(path).st_size  # noqa: PTH116 - Path.stat takes twice as long
        except FileNotFoundError:
            now = 0
        if now < before:
            strike()
            return before, True
        before = now
    return before, False


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
