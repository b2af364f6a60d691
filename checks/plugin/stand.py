"""The stages that a run of checks works on: the learner's, or its own, which it brings up and always takes down."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from checks.plugin.service import Service
from checks.plugin.verdict import CheckFailed
from infra import state
from infra.copies import copies
from infra.errors import LabError, NotSupported
from infra.project import Project
from infra.runtime.protocol import Runtime

Open = Callable[[Project, str], Runtime]


@dataclass
class Stand:
    """One stage that stands: its runtime, and the service on it. `own` stages may be disturbed at will; `seeded` is how
    many links were laid down there."""

    project: Project
    runtime: Runtime
    service: Service
    own: bool
    seeded: int = 0

    def mend(self) -> None:
        """Undo what a check left in force, so that the next one meets a whole stage."""
        if not self.whole():
            self.runtime.heal()

    def cut_off(self, server: str) -> None:
        """Let nothing pass between the service, all copies of it, and that server."""
        stage = self.runtime.stage
        standing = [copy.name for copy in copies(stage) if copy not in stage.resting]
        for one in standing or ["app"]:
            self.runtime.cut(one, server)

    def whole(self) -> bool:
        """Whether no fault is in force and every box is ready."""
        return not self.runtime.faults() and all(box.ready for box in self.runtime.status())


@dataclass
class Stands:
    """Every stage of one run. `wanted` is what to check; `standing` is the learner's stage when it can be used."""

    wanted: Project
    runtime_name: str
    open: Open
    standing: Runtime | None = None
    say: Callable[[str], None] = lambda _: None  # told what takes time beside the checks
    _up: dict[str, Stand] = field(default_factory=dict)
    _owned: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def shared(self) -> Stand:
        """The learner's stage, else the run's own first one."""
        if self.standing is None:
            return self.own()
        if "standing" not in self._up:
            service = Service(self.wanted.base_url)
            self._up["standing"] = Stand(self.wanted, self.standing, service, own=False)
        return self._up["standing"]

    def own(self, name: str = "check", profiles: frozenset[str] = frozenset()) -> Stand:
        """A stage of this run alone, brought up at its first use, with the boxes of these profiles besides.

        Raises LabError when it cannot stand."""
        if name in self._up:
            return self._up[name]
        began = time.monotonic()
        own_name = f"{self.wanted.name}-{name}-{os.getpid()}"
        project = replace(self.wanted, name=own_name, port=free_port(), profiles=self.wanted.profiles | profiles)
        runtime = self.open(project, self.runtime_name)
        stand = Stand(project, runtime, Service(project.base_url), own=True)
        self._owned.enter_context(state.owned(project))
        self._up[name] = stand  # before `up`, so that a stage that fails half-way is taken down too
        try:
            runtime.up(lambda _: None)
        except NotSupported:
            raise
        except LabError as error:
            self.drop(stand)
            raise CheckFailed(
                did="Brought a stage for the checks up.",
                expected="that every box is ready",
                got=str(error),
                next=f"Mend what the log names, then `lab check {self.wanted.lab}`.",
            ) from error
        self.say(f"a stage for the checks stands at {project.base_url} ({time.monotonic() - began:.1f} s)")
        return stand

    def drop(self, stand: Stand) -> None:
        """Take a spoilt stage of the run's own down; whoever asks next gets a fresh one."""
        stand.service.close()
        stand.runtime.down(volumes=True)
        self._up = {name: other for name, other in self._up.items() if other is not stand}

    def down(self) -> None:
        """Take down every stage of the run's own; a second Ctrl-C does not stop this."""
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for stand in self._up.values():
                stand.service.close()
                if stand.own:
                    stand.runtime.down(volumes=True)
        finally:
            self._up.clear()
            self._owned.close()
            signal.signal(signal.SIGINT, previous)


def log_of(runtime: Runtime, box: str = "app", lines: int = 12) -> str:
    """The end of a box's log, empty when there is none to be had."""
    with contextlib.suppress(LabError, OSError):
        return runtime.logs(box, lines=lines).rstrip()
    return ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
