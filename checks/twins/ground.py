"""Where twins are checked: those of a lab whose check takes a stage as it stands come and go on one, one after another.

A stage of labs 3 to 5 takes some 20 s of CPU to stand, most of it for servers that are the same for each twin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from checks.matrix.stage_fixture import free_port
from checks.twins.twin import Twin, takes_a_standing_stage

FIRST = 3  # before that lab a stage stands in a second or two
_UP, _CHECK = 180, 180  # seconds
Done = subprocess.CompletedProcess[str]


class Ground:
    """One case at a time. `clear` takes down what stands at last."""

    def __init__(self, project: str) -> None:
        self._own = {**os.environ, "RUNTIME": "local", "PROJECT": project}
        self._standing = 0  # the lab

    def check(self, twin: Twin, name: str) -> Done:
        """What `lab check LAB NAME --json` says of the twin, on the ground's stage where that will do."""
        if self._standing and self._standing != twin.lab:
            self.clear()
        if twin.lab >= FIRST and takes_a_standing_stage(twin.lab, name) and self._stand(twin):
            done = self._checked(twin, name)
            if _is_report(done.stdout):
                return done
            self.clear()  # the twin before left it in pieces
        return self._checked(twin, name)

    def clear(self) -> None:
        if self._standing:
            self._lab(None, "down", "--volumes", seconds=_UP)
            self._standing = 0

    def _stand(self, twin: Twin) -> bool:
        """The twin's boxes take the place of the last one's; the servers stay. False: they could not."""
        if not self._standing:
            self._own["PORT"] = str(free_port())
        self._standing = twin.lab
        if self._lab(twin.folder, "up", str(twin.lab), seconds=_UP).returncode == 0:
            return True
        self.clear()
        return False

    def _checked(self, twin: Twin, name: str) -> Done:
        return self._lab(twin.folder, "check", str(twin.lab), name, "--json", seconds=_CHECK)

    def _lab(self, app: Path | None, *words: str, seconds: int) -> Done:
        environment = self._own if app is None else {**self._own, "APP": str(app)}
        return subprocess.run(
            [sys.executable, "-m", "infra.cli", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )


def _is_report(text: str) -> bool:
    try:
        return bool(json.loads(text))
    except ValueError:
        return False
