"""How long the checks take on the local runtime, stages of their own included."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.figure import Figure
from infra.project import ROOT, default_name

# Seconds, by the labs that it holds for together.
MOST = {("1", "2"): 90.0, ("3",): 150.0, ("4",): 150.0, ("5",): 300.0, ("1", "2", "3", "4", "5"): 600.0}


@dataclass(frozen=True)
class Checked:
    """How long the checks of a lab took, in seconds, and whether all of them passed."""

    seconds: float
    proved: bool


def run() -> list[Figure]:
    """Each lab is checked once, in however many of the figures it counts."""
    checked = {lab: _check(lab) for lab in dict.fromkeys(lab for labs in MOST for lab in labs)}
    return [figure(labs, most, checked) for labs, most in MOST.items()]


def _check(lab: str) -> Checked:
    environment = os.environ | {"RUNTIME": "local", "PROJECT": f"{default_name()}-bench-{os.getpid()}"}
    words = [str(ROOT / ".venv" / "bin" / "lab"), "check", lab]
    began = time.monotonic()
    done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    return Checked(time.monotonic() - began, not done.returncode)


def figure(labs: Sequence[str], most: float, checked: Mapping[str, Checked]) -> Figure:
    took = sum(checked[lab].seconds for lab in labs)
    proved = all(checked[lab].proved for lab in labs)
    name = " and ".join(f"check-{lab}" for lab in labs)
    return Figure(f"make {name}, local", took, "s", f"at most {most:.0f} s", proved and took <= most)
