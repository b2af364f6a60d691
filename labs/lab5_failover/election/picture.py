"""A run of the election on a time line in text: who believed that it led, who was frozen, what was written too late.

Nothing is said by colour alone. Lab 5."""

from __future__ import annotations

from rich.text import Text

from labs.lab5_failover.election.events import at_once
from labs.lab5_failover.election.lesson import NODES, Run

_LABEL = 13  # columns
_SLICES = (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0)  # seconds a column may stand for
_STYLES = {"█": "green", "░": "cyan", "!": "bold red", "x": "yellow"}
_LEGEND = (
    "█ leads   ░ frozen while it leads   · does not lead\n! a stale write was accepted   x a stale write was refused"
)
_ASCII = str.maketrans("█░·─┬", "#%.-+")


def picture(run: Run, width: int = 80, *, ascii_only: bool = False) -> Text:
    """In at most `width` columns (50 or more). The same run gives the same text."""
    room = max(50, width) - _LABEL - 1
    seconds = run.ended - run.began
    slice_seconds = next((each for each in _SLICES if seconds / each <= room), seconds / room)
    columns = min(room, max(1, round(seconds / slice_seconds)))
    drawn = Text(f"{run.way}: who believes that it leads, {slice_seconds:g} s a column\n", "bold")
    for node in NODES:
        drawn.append(f"  {node:<{_LABEL - 2}}")
        for glyph in _row(run, node, slice_seconds, columns):
            drawn.append(glyph, _STYLES.get(glyph, ""))
        drawn.append("\n")
    drawn.append(f"  {'leaders':<{_LABEL - 2}}").append(_numbers(run, slice_seconds, columns).rstrip() + "\n")
    drawn.append(_axis(slice_seconds, columns))
    return Text(drawn.plain.translate(_ASCII), spans=drawn.spans) if ascii_only else drawn


def legend(*, ascii_only: bool = False) -> Text:
    return Text(_LEGEND.translate(_ASCII) if ascii_only else _LEGEND)


def _row(run: Run, node: str, slice_seconds: float, columns: int) -> str:
    def column(at: float) -> int:
        return min(columns - 1, max(0, int((at - run.began) / slice_seconds + 1e-6)))

    row = ["·"] * columns
    for term in (term for term in run.terms if term.node == node):
        for index in range(column(term.start), column(term.end) + 1):
            row[index] = "█"
    for pause in (pause for pause in run.pauses if pause.node == node):
        for index in range(column(pause.start), column(pause.end)):
            row[index] = "░"
    for one in (one for one in run.stale if one.node == node):
        row[column(one.at)] = "!"
    for event in (event for event in run.refusals if event.node == node):
        row[column(event.at)] = "x"
    return "".join(row)


def _numbers(run: Run, slice_seconds: float, columns: int) -> str:
    """How many believe it at once, at most, in each slice."""
    found = []
    for index in range(columns):
        start = run.began + index * slice_seconds
        moments = [start, *(term.start for term in run.terms if start <= term.start < start + slice_seconds)]
        found.append(str(max(at_once(run.terms, moment) for moment in moments)))
    return "".join(found)


def _axis(slice_seconds: float, columns: int) -> str:
    every = next((each for each in (1, 2, 5, 10, 20, 60) if columns * slice_seconds / each <= columns / 6), 120)
    line, numbers = ["─"] * columns, [" "] * (columns + 8)
    for tick in range(int(columns * slice_seconds / every) + 1):
        at = round(tick * every / slice_seconds)
        if at >= columns:
            break
        line[at] = "┬"
        text = f"{tick * every}" + (" s" if tick == 0 else "")
        numbers[at : at + len(text)] = text
    return " " * _LABEL + "".join(line) + "\n" + " " * _LABEL + "".join(numbers).rstrip()
