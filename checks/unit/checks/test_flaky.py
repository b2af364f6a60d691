"""A repeated suite: one false verdict in many runs is found, named, and spoils the exit code."""

from __future__ import annotations

import os
from typing import Any

import psutil
import pytest

from checks import flaky

PROVED: tuple[int, dict[str, Any]] = (0, {"verdict": "proved", "checks": []})
OPEN: tuple[int, dict[str, Any]] = (
    75,
    {"verdict": "inconclusive", "checks": [{"name": "plan", "verdict": "inconclusive", "reason": "noise"}]},
)


def test_runs_that_all_prove_are_no_false_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flaky, "run_once", lambda lab: PROVED)
    assert flaky.main(["1", "2", "--runs", "3"]) == 0


def test_one_undecided_run_is_a_false_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([PROVED, OPEN, PROVED])
    monkeypatch.setattr(flaky, "run_once", lambda lab: next(answers))
    assert flaky.main(["2", "--runs", "3"]) == 1
    assert "plan was not proved in 1 of 3 runs" in capsys.readouterr().out


def test_the_busy_core_is_free_again_afterwards() -> None:
    before = {child.pid for child in psutil.Process(os.getpid()).children()}
    with flaky.core_kept_busy(True):
        assert {child.pid for child in psutil.Process(os.getpid()).children()} > before
    assert {child.pid for child in psutil.Process(os.getpid()).children()} == before
