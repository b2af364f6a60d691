"""What became of each step's writes, a row a region and a sign a step. Lab 5. Nothing is said by colour alone."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from labs.lab5_failover.regions.run import REGIONS, Run

_LABEL = 8  # columns
LEGEND = "a digit: so many links' writes lost   o: none lost   -: not acknowledged   v: siblings resolved"


def picture(runs: Sequence[Run]) -> Text:
    """The same runs give the same text."""
    drawn = Text()
    for run in runs:
        drawn.append(f"{title(run)}\n", "bold").append(" " * _LABEL + _heads(run) + "\n")
        for region in REGIONS:
            drawn.append(f"  {region:<{_LABEL - 2}}")
            for sign in _row(run, region):
                drawn.append(sign, "red" if sign.isdigit() else "")
            drawn.append("\n")
        drawn.append("\n")
    return drawn.append(LEGEND, "dim")


def title(run: Run) -> str:
    """`last-write-wins, west 5 s behind`"""
    skew = run.plan.skew
    return run.plan.rule + (f", west {abs(skew):g} s {'ahead' if skew > 0 else 'behind'}" if skew else "")


def _parts(run: Run) -> list[tuple[str, range]]:
    """Each part of the schedule with its steps, and how wide it is drawn."""
    parts, first = [], 0
    for name, steps in run.plan.steps:
        parts.append((name, range(first, first + steps)))
        first += steps
    return parts


def _width(name: str, steps: range) -> int:
    return max(len(name), 2 * len(steps) - 1) + 2


def _heads(run: Run) -> str:
    return "".join(f"{name:<{_width(name, steps)}}" for name, steps in _parts(run)).rstrip()


def _row(run: Run, region: str) -> str:
    parts = (
        f"{' '.join(_sign(run, region, step) for step in steps):<{_width(name, steps)}}" for name, steps in _parts(run)
    )
    return "".join(parts).rstrip()


def _sign(run: Run, region: str, step: int) -> str:
    """What became of that region's writes of that step, over all links."""
    writes = [write for write in run.writes if (write.region, write.step) == (region, step)]
    if not writes:
        return " "
    gone = sum(write in run.lost for write in writes)
    if gone:
        return str(min(gone, 9))
    if run.conflicts and step == run.plan.first_apart + run.plan.apart:
        return "v"
    return "o" if any(write.outcome == "ok" for write in writes) else "-"
