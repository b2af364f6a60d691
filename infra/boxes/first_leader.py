"""The step that waits until a node of lab 5's cluster leads (see infra/config/patroni/first_leader.py)."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.boxes.native import Plan
from infra.boxes.plain import PlainBox
from infra.compose.box import Box
from infra.errors import LabError
from infra.project import ROOT


class FirstLeaderBox(PlainBox):
    """See NativeBox."""

    def command(self, plan: Plan) -> list[str] | None:
        return [sys.executable, str(ROOT / "infra" / "config" / "patroni" / "first_leader.py")]

    def folder(self, plan: Plan) -> Path:
        return ROOT

    def client(self, plan: Plan) -> list[str]:
        raise LabError(f"{plan.box.name} waits for a leader and ends. `lab status` says who leads.")

    def client_inside(self, box: Box) -> list[str]:
        raise LabError(f"{box.name} waits for a leader and ends. `lab status` says who leads.")

    def can_fill(self) -> str:
        return "it writes no file"
