"""The checks of lab 1 prove a service in JavaScript, started by the same road as every other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on this machine")
def test_lab_1_is_proved_in_another_language() -> None:
    environment = {**os.environ, "APP": str(Path(__file__).parent), "RUNTIME": "local", "PROJECT": f"js-{os.getpid()}"}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", "check", "1", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    report = json.loads(done.stdout)
    not_passed = [check for check in report["checks"] if check["verdict"] != "pass"]
    assert not not_passed, json.dumps(not_passed, indent=1)
    assert (done.returncode, report["verdict"]) == (0, "proved")
    assert len(report["checks"]) > 10
