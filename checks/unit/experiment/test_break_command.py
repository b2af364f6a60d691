"""`lab break` without a stage: what is asked, what is printed, what programs get."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from checks.unit.experiment.samples import steady
from infra.commands import break_, breaking
from infra.commands.live_line import LiveLine
from infra.errors import LabError
from infra.experiment.experiment import Experiment, Tick
from infra.experiment.timeline import Audit, FaultSpan, Timeline

TIMELINE = Timeline(
    (*steady(0, 3), *steady(3, 5, "failed"), *steady(5, 9)),
    (FaultSpan("kill -9 app", 3.0), FaultSpan("app started again", 4.8, 5.0)),
    9.0,
    Audit(300, (), 0, None),
)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The command on a stage that is nobody's, with a run that is always the same."""

    @contextlib.contextmanager
    def no_stage(planned: Experiment, say: Any) -> Iterator[None]:
        say("a stage comes up")
        yield None

    monkeypatch.setattr(breaking, "stage_for", no_stage)
    monkeypatch.setattr(breaking, "run", lambda planned, stage, say, live=None: TIMELINE)
    app = typer.Typer()
    app.command()(break_.break_)
    return app


def test_a_prediction_by_flag_is_compared_and_explained(lab: typer.Typer) -> None:
    result = CliRunner().invoke(lab, ["1", "kill", "--predict", "a"])
    assert result.exit_code == 0, result.output
    assert "xxxxxxxxxx" in result.output
    assert "Right was B: Every link that was answered 201 is there" in result.output
    assert "You predicted A." in result.output
    assert "300 links had been answered 201" in " ".join(result.output.split())
    assert "make break-1 NAME=two-copies" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


def test_without_a_terminal_nothing_is_asked_and_the_run_is_the_same(lab: typer.Typer) -> None:
    result = CliRunner().invoke(lab, ["1"])
    assert result.exit_code == 0
    assert "Right was B" in result.output
    assert "predict" not in result.output


def test_programs_get_one_object(lab: typer.Typer) -> None:
    # A process of its own: --json moves the real standard output.
    program = (
        "from checks.unit.experiment import test_break_command as t; import contextlib, typer\n"
        "from infra.commands import breaking\n"
        "breaking.stage_for = lambda e, say: contextlib.nullcontext(print('a tool speaks', flush=True))\n"
        "breaking.run = lambda *a: t.TIMELINE\n"
        "breaking.break_stage(1, 'kill', 'b', True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    record = json.loads(done.stdout)
    assert (record["right"], record["predicted"], record["failed"], record["lost"]) == ("B", "B", 20, 0)
    assert record["recovery"] == pytest.approx(0.21)
    assert record["faults"][0] == {"label": "kill -9 app", "start": 3.0, "end": None}
    assert "a tool speaks" in done.stderr


@pytest.mark.parametrize("letter", ["E", "AB", "", "1"])
def test_a_letter_that_names_no_answer_is_refused_before_anything_breaks(lab: typer.Typer, letter: str) -> None:
    result = CliRunner().invoke(lab, ["1", "--predict", letter])
    assert isinstance(result.exception, LabError)
    assert "The answers to this question are A, B, C." in str(result.exception)


def test_a_learner_at_the_terminal_is_asked_until_it_is_an_answer(
    lab: typer.Typer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["z", "c"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    break_.break_(1, "kill", predict=None, show_list=False, as_json=False)
    said = capsys.readouterr().out
    assert "Type one of A, B, C" in said
    assert "You predicted C." in said


def test_the_list_names_every_experiment(lab: typer.Typer) -> None:
    output = CliRunner().invoke(lab, ["2", "--list"]).output
    assert all(name in output for name in ("kill-postgres", "pool", "index", "deadlock"))
    names = [row["name"] for row in json.loads(CliRunner().invoke(lab, ["2", "--list", "--json"]).output)]
    assert names[0] == "kill-postgres"


def test_a_lab_that_is_to_come_is_said_to_be(lab: typer.Typer) -> None:
    assert isinstance(CliRunner().invoke(lab, ["6"]).exception, LabError)


TICK = Tick(3.25, 198, 650, 12, 3)


def test_the_live_line_changes_in_place_and_leaves_no_trace() -> None:
    out = io.StringIO()
    with LiveLine(Console(file=out, force_terminal=True, width=80, color_system=None)) as line:
        line.show(TICK)
        line.show(replace(TICK, seconds=3.5, unknown=0))
        line.say("3.5 s: kill -9 app")
    shown = out.getvalue().split("\r")
    assert shown[1] == "    3.2 s    198 requests/s  12 failed, 3 unknown"
    assert shown[2].startswith("    3.5 s    198 requests/s  12 failed  ")
    assert shown[-1] == "  3.5 s: kill -9 app\n"
    assert shown[-2].strip() == ""


def test_in_a_pipe_there_is_no_live_line() -> None:
    out = io.StringIO()
    with LiveLine(Console(file=out, width=80)) as line:
        line.show(TICK)
        line.say("a sentence")
    assert out.getvalue() == "  a sentence\n"
