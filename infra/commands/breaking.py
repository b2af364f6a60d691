"""`lab break N [EXPERIMENT]`: predict, run, compare. A failure on a real stage, its picture, its figures, and why."""

from __future__ import annotations

import json
import sys
from textwrap import fill

from rich.console import Console

from infra.commands.context import lab_number
from infra.commands.experiment_stage import stage_for
from infra.commands.live_line import LiveLine
from infra.errors import LabError
from infra.experiment.experiment import Experiment, run
from infra.experiment.findings import explained, summary, table
from infra.experiment.picture import picture
from infra.experiment.timeline import Timeline
from infra.interrupt import heard_once
from labs.catalogue import experiment as find
from labs.catalogue import experiments

_LETTERS = "ABCDEFGH"


def break_stage(lab: int, name: str | None, predict: str | None, as_json: bool) -> None:
    """Ask, run, draw, compare. Raises LabError for an unknown name or prediction, before anything is broken."""
    experiment = find(lab_number(lab), name)
    prediction = _checked(predict, experiment)
    if as_json:
        _run_for_programs(experiment, prediction)
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
    console.print(f"Lab {lab}: {experiment.title}\n", style="bold")
    prediction = _ask(experiment, prediction, console)
    with heard_once(), LiveLine(console) as line, stage_for(experiment, line.say) as stage:
        timeline = run(experiment, stage, line.say, line.show)
    right = experiment.right(timeline)
    _print_run(experiment, timeline, console)
    _print_verdict(experiment, timeline, right, prediction, console)
    _print_next(lab, experiment, console)


def print_list(lab: int, as_json: bool) -> None:
    known = experiments(lab_number(lab))
    if as_json:
        print(json.dumps([{"name": e.name, "title": e.title, "question": e.question} for e in known]))
        return
    print(f"Lab {lab} breaks in {len(known)} ways:\n")
    for number, entry in enumerate(known):
        print(f"  {entry.name:<14}{entry.title}{' (the one without a name)' if number == 0 else ''}")
    print(f"\nRun one: lab break {lab} {known[-1].name}")


def _checked(predict: str | None, experiment: Experiment) -> int | None:
    """The index of the predicted answer. Raises LabError for a letter that names none."""
    if predict is None:
        return None
    letters = _LETTERS[: len(experiment.answers)]
    letter = predict.strip().upper()
    if len(letter) != 1 or letter not in letters:
        raise LabError(f"--predict {predict} names no answer. The answers to this question are {', '.join(letters)}.")
    return letters.index(letter)


def _ask(experiment: Experiment, prediction: int | None, console: Console) -> int | None:
    """Show the question; ask it of a learner who sits there and has not predicted yet. Enter alone skips it."""
    console.print(" ".join(experiment.question.split()))
    for letter, answer in zip(_LETTERS, experiment.answers, strict=False):
        console.print(_hanging(f"  {letter}", answer, console.width))
    console.print()
    if prediction is not None or not sys.stdin.isatty():
        return prediction
    while prediction is None:
        letters = _LETTERS[: len(experiment.answers)]
        try:
            said = input(f"Your prediction ({', '.join(letters)}; Enter to skip): ").strip()
        except EOFError:
            break
        if not said:
            break
        try:
            prediction = _checked(said, experiment)
        except LabError:
            console.print(f"Type one of {', '.join(letters)}, or Enter alone.")
    console.print()
    return prediction


def _hanging(label: str, text: str, width: int) -> str:
    """`text` beside its label, its later lines below its first."""
    return fill(text, width, initial_indent=f"{label}  ", subsequent_indent=" " * (len(label) + 2))


def _print_run(experiment: Experiment, timeline: Timeline, console: Console) -> None:
    console.print()
    ascii_only = not (console.encoding or "").lower().startswith("utf")
    console.print(picture(timeline, min(console.width, 120), ascii_only=ascii_only))
    console.print()
    rows = table(experiment, timeline)
    widest = max(len(label) for label, _ in rows)
    for label, figure in rows:
        console.print(_hanging(f"  {label:<{widest}}", figure, console.width))
    console.print()


def _print_verdict(
    experiment: Experiment, timeline: Timeline, right: int, prediction: int | None, console: Console
) -> None:
    console.print(f"Right was {_LETTERS[right]}: {experiment.answers[right]}", style="bold")
    if prediction is not None:
        console.print("You predicted it." if prediction == right else f"You predicted {_LETTERS[prediction]}.")
    console.print()
    console.print(explained(experiment, timeline))
    console.print()


def _print_next(lab: int, experiment: Experiment, console: Console) -> None:
    known = [entry.name for entry in experiments(lab)]
    following = known[(known.index(experiment.name) + 1) % len(known)]
    console.print(f"Next: make break-{lab} NAME={following}")


def _run_for_programs(experiment: Experiment, prediction: int | None) -> None:
    """One JSON object on standard output; all else, a tool's own words too, on standard error."""
    quiet = LiveLine(Console(stderr=True, highlight=False))
    with heard_once(), quiet as line, line.stdout_too(), stage_for(experiment, line.say) as stage:
        timeline = run(experiment, stage, line.say)
    right = experiment.right(timeline)
    record = {
        "lab": experiment.lab,
        "experiment": experiment.name,
        "answers": experiment.answers,
        "right": _LETTERS[right],
        "predicted": None if prediction is None else _LETTERS[prediction],
        "explanation": explained(experiment, timeline),
    }
    print(json.dumps(record | summary(experiment, timeline)))
