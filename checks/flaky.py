"""`make flaky`: the same suite again and again, on a busy machine if wished; any verdict but "proved" is a false one.

python -m checks.flaky [LAB …] [--runs N] [--busy]"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infra.commands.context import LABS
from infra.errors import LabError
from infra.runtime.choose import choose

# It ends with whoever started it, also when that was killed.
SPIN = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"


def main(arguments: list[str] | None = None) -> int:
    """0 when every run proved its lab, else 1, with what each false verdict said; 2 when nothing can be run."""
    parser = argparse.ArgumentParser(prog="make flaky", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("labs", nargs="*", type=int, default=list(LABS), metavar="LAB", help="each lab (all)")
    parser.add_argument("--runs", type=int, default=20, help="runs of each lab's suite (20)")
    parser.add_argument("--busy", action="store_true", help="keep one core busy meanwhile")
    wanted = parser.parse_args(arguments)
    try:
        runtime, why = choose(os.environ.get("RUNTIME"))
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"The {runtime} runtime: {why}. Lab {', '.join(map(str, wanted.labs))}, {wanted.runs} runs each.", flush=True)
    with core_kept_busy(wanted.busy):
        wrong = sum(_repeat(lab, wanted.runs, runtime) for lab in wanted.labs)
    print("No false verdict." if not wrong else f"{wrong} false verdicts.")
    return 1 if wrong else 0


def _repeat(lab: int, runs: int, runtime: str) -> int:
    wrong: Counter[str] = Counter()
    false_runs = 0
    for number in range(1, runs + 1):
        began = time.monotonic()
        code, report = run_once(lab, runtime)
        verdict = report.get("verdict", "no report")
        print(f"lab {lab}, run {number} of {runs}: {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
        if code == 0 and verdict == "proved":
            continue
        false_runs += 1
        for check in report.get("checks", []):
            if check["verdict"] != "pass":
                wrong[check["name"]] += 1
                said = check["reason"] or f"{check['did']} Expected {check['expected']}; got {check['got']}"
                print(f"    {check['name']}: {check['verdict']}: {said}", flush=True)
        if not report.get("checks"):
            print(f"    exit code {code}: {report.get('problem', '')}", flush=True)
    for name, times in wrong.most_common():
        print(f"lab {lab}: {name} was not proved in {times} of {runs} runs")
    return false_runs


def run_once(lab: int, runtime: str) -> tuple[int, dict[str, Any]]:
    """`lab check N` on a stage of its own in that runtime: its exit code and its report."""
    environment = {**os.environ, "RUNTIME": runtime, "PROJECT": f"flaky-{os.getpid()}"}
    command = [sys.executable, "-m", "infra.cli", "check", str(lab), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {"problem": (done.stdout + done.stderr).strip()[-1000:]}
    return done.returncode, report


@contextmanager
def core_kept_busy(wanted: bool) -> Iterator[None]:
    """One core computes nothing, as hard as it can, until the end."""
    if not wanted:
        yield
        return
    spinner = subprocess.Popen([sys.executable, "-c", SPIN, str(os.getpid())])
    try:
        yield
    finally:
        spinner.kill()
        spinner.wait()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
