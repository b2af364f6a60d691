"""A repeated suite: one false verdict in many runs is found, named, and spoils the exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import psutil
import pytest

from checks import flaky
from checks.eventually import eventually
from infra.commands.context import LABS

PROVED: tuple[int, dict[str, Any]] = (0, {"verdict": "proved", "checks": []})
OPEN: tuple[int, dict[str, Any]] = (
    75,
    {"verdict": "inconclusive", "checks": [{"name": "plan", "verdict": "inconclusive", "reason": "noise"}]},
)


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME", "local")


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """The lab and the runtime of each run, none of which is really made."""
    runs: list[tuple[int, str]] = []

    def run_once(lab: int, runtime: str) -> tuple[int, dict[str, Any]]:
        runs.append((lab, runtime))
        return PROVED

    monkeypatch.setattr(flaky, "run_once", run_once)
    return runs


def test_runs_that_all_prove_are_no_false_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flaky, "run_once", lambda lab, runtime: PROVED)
    assert flaky.main(["1", "2", "--runs", "3"]) == 0


def test_one_undecided_run_is_a_false_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([PROVED, OPEN, PROVED])
    monkeypatch.setattr(flaky, "run_once", lambda lab, runtime: next(answers))
    assert flaky.main(["2", "--runs", "3"]) == 1
    assert "plan was not proved in 1 of 3 runs" in capsys.readouterr().out


def test_every_lab_is_repeated_unless_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = watched(monkeypatch)
    assert flaky.main(["--runs", "1"]) == 0
    assert [lab for lab, _ in runs] == list(LABS)


def test_its_first_line_names_the_runtime_of_every_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = watched(monkeypatch)
    assert flaky.main(["2", "--runs", "2"]) == 0
    assert "local runtime" in capsys.readouterr().out.splitlines()[0]
    assert [runtime for _, runtime in runs] == ["local", "local"]


def test_an_unknown_runtime_ends_it_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNTIME", "moon")
    assert flaky.main([]) == 2
    assert "RUNTIME=moon is unknown" in capsys.readouterr().err


def test_the_busy_core_is_free_again_afterwards() -> None:
    before = {child.pid for child in psutil.Process(os.getpid()).children()}
    with flaky.core_kept_busy(True):
        assert {child.pid for child in psutil.Process(os.getpid()).children()} > before
    assert {child.pid for child in psutil.Process(os.getpid()).children()} == before


def test_the_busy_core_is_free_again_when_its_owner_is_killed() -> None:
    words = "import time; from checks import flaky\nwith flaky.core_kept_busy(True): time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", words]) as owner:
        assert eventually(lambda: bool(psutil.Process(owner.pid).children()), within=30)
        (spinner,) = psutil.Process(owner.pid).children()
        owner.kill()
        psutil.wait_procs([spinner], timeout=10)
    assert not spinner.is_running()
