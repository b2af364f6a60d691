"""How much code the service of labs 1 and 2 is: lines of every Python file of it, blank ones and comments too."""

from __future__ import annotations

from bench.figure import Figure
from infra.project import ROOT

MOST = 500


def run() -> list[Figure]:
    lines = sum(len(path.read_text().splitlines()) for path in (ROOT / "shortener").rglob("*.py"))
    return [Figure("service code, labs 1 and 2", lines, "lines", f"at most {MOST}", lines <= MOST)]
