"""How long the checks take on the local runtime, stages of their own included."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from bench.figure import Figure
from infra.project import ROOT, default_name

MOST = {("1", "2"): 90.0, ("3",): 150.0, ("4",): 150.0}  # seconds, by the labs that it holds for together


def run() -> list[Figure]:
    return [_figure(labs, most) for labs, most in MOST.items()]


def _figure(labs: tuple[str, ...], most: float) -> Figure:
    environment = os.environ | {"RUNTIME": "local", "PROJECT": f"{default_name()}-bench-{os.getpid()}"}
    began, proved = time.monotonic(), True
    for lab in labs:
        words = [str(ROOT / ".venv" / "bin" / "lab"), "check", lab]
        done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            print(done.stdout, file=sys.stderr)
            proved = False
    took = time.monotonic() - began
    name = " and ".join(f"check-{lab}" for lab in labs)
    return Figure(f"make {name}, local", took, "s", f"at most {most:.0f} s", proved and took <= most)
