"""Where twins are checked: those of a lab whose check takes a stage as it stands come and go on one, one after another.

A stage of labs 3 to 5 takes some 20 s of CPU to stand, most of it for servers that are the same for each twin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from contextlib import ExitStack
from dataclasses import replace

from checks.matrix.stage_fixture import free_port
from checks.plugin.verdict import INCONCLUSIVE
from checks.twins.twin import Twin, takes_a_standing_stage
from infra import state
from infra.errors import LabError
from infra.project import Project
from infra.runtime.choose import open_runtime
from infra.runtime.protocol import Runtime

FIRST = 3  # before that lab a stage stands in a second or two
_PATIENCE = 180  # seconds for a check
Done = subprocess.CompletedProcess[str]


def shares(twin: Twin, name: str) -> bool:
    """Whether that check of the twin needs no stage of its own. One whose mistake is in a consumer does: how far its
    group has come outlives the twin, in Kafka."""
    return twin.lab >= FIRST and takes_a_standing_stage(twin.lab, name) and not twin.consumes


class Ground:
    """One case at a time. `clear` takes down what stands at last."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._standing: Project | None = None
        self._held = ExitStack()

    def check(self, twin: Twin, name: str) -> Done:
        """What `lab check LAB NAME --json` says of the twin, on the ground's stage where that will do. What the
        machine was too busy to decide is asked once more, as a learner is told to; it is said among the warnings."""
        done = self._verdict(twin, name)
        if done.returncode != INCONCLUSIVE:
            return done
        warnings.warn(f"{twin.name}, {name}: inconclusive at first. {done.stdout}", stacklevel=1)
        return self._verdict(twin, name)

    def _verdict(self, twin: Twin, name: str) -> Done:
        shared = shares(twin, name)
        if self._standing is not None and (not shared or self._standing.lab != twin.lab):
            self.clear()
        if shared and self._stand(twin):
            done = self._checked(twin, name)
            if _is_report(done.stdout):
                return done
            self.clear()  # the twin before left it in pieces
        return self._checked(twin, name)

    def clear(self) -> None:
        self._held.close()
        self._standing = None

    def _stand(self, twin: Twin) -> bool:
        """The twin takes the place of the one before; the servers stay. False, and nothing stands, when it cannot."""
        try:
            if self._standing is None:
                self._begin(Project(self._name, lab=twin.lab, app=twin.folder, port=free_port()))
            else:
                self._change(replace(self._standing, app=twin.folder))
        except LabError:
            self.clear()
            return False
        return True

    def _begin(self, project: Project) -> None:
        self._held.enter_context(state.owned(project))
        runtime = _runtime(project)
        self._held.callback(runtime.down, volumes=True)
        self._standing = project
        runtime.up(_quiet)

    def _change(self, project: Project) -> None:
        """The processes of the twin that is there end, in order, and those of the next one begin."""
        assert self._standing is not None
        before = _runtime(self._standing)
        self._standing = project
        living = {box.name for box in before.status() if box.state in ("running", "paused")}
        for box in before.stage.boxes:
            if box.name in living and box.native.kind == "procfile" and not box.step:
                before.stop(box.name)
        _runtime(project).up(_quiet)

    def _checked(self, twin: Twin, name: str) -> Done:
        environment = {**os.environ, "APP": str(twin.folder), "RUNTIME": "local", "PROJECT": self._name}
        return subprocess.run(
            [sys.executable, "-m", "infra.cli", "check", str(twin.lab), name, "--json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )


def _runtime(project: Project) -> Runtime:
    return open_runtime(project, "local")


def _quiet(_: str) -> None:
    """No progress wanted."""


def _is_report(text: str) -> bool:
    try:
        return bool(json.loads(text))
    except ValueError:
        return False
