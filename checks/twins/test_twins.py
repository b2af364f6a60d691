"""Each twin runs for real, on a stage of its own, and its check rejects it with the message that a learner needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from checks.twins.twin import Twin, twins

CASES = [(twin, name) for twin in twins() for name in twin.rejected_by]


@pytest.mark.parametrize(("twin", "name"), CASES, ids=[f"{twin.name}-{name}" for twin, name in CASES])
def test_the_check_rejects_the_twin(twin: Twin, name: str) -> None:
    environment = {**os.environ, "APP": str(twin.folder), "RUNTIME": "local", "PROJECT": f"twin-{os.getpid()}"}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", "check", str(twin.lab), name, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert [(check["name"], check["verdict"]) for check in report["checks"]] == [(name, "fail")], done.stdout
    check = report["checks"][0]
    assert "defect of the check" not in check["got"]
    assert twin.says in f"{check['did']} {check['expected']} {check['got']}", check
    assert check["next"]
