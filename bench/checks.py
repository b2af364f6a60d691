"""How long the checks of labs 1 and 2 take on the local runtime, stages of their own included."""

from __future__ import annotations

import os
import subprocess
import time

from bench.figure import Figure
from infra.project import ROOT, default_name

MOST = 90.0  # seconds, both labs together


def run() -> list[Figure]:
    environment = os.environ | {"RUNTIME": "local", "PROJECT": f"{default_name()}-bench-{os.getpid()}"}
    began = time.monotonic()
    for lab in ("1", "2"):
        subprocess.run([ROOT / ".venv" / "bin" / "lab", "check", lab], env=environment, check=True, capture_output=True)
    took = time.monotonic() - began
    return [Figure("make check-1 and check-2, local", took, "s", f"at most {MOST:.0f} s", took <= MOST)]
