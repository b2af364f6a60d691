"""Who answered, and how long it took, for each way to choose: bars, and a strip of latencies on one scale. Lab 4.

Nothing is said by colour alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from infra.experiment.picture import duration
from labs.lab4_many_copies.balancing.compare import Run

_LABEL = 16  # columns
_STEPS = "▁▂▃▄▅▆▇█"
_ASCII = str.maketrans(_STEPS + "┬─", ".:-=+*##" + "+-")


def picture(
    runs: Sequence[Run], copies: Sequence[str], slow: str, width: int = 80, *, ascii_only: bool = False
) -> Text:
    """In at most `width` columns (50 or more). The same runs give the same text."""
    columns = max(50, width) - _LABEL - 8
    scale = Scale(runs, columns)
    drawn = Text()
    for run in runs:
        drawn.append(f"{run.algorithm}\n", "bold")
        for copy in copies:
            share = run.share(copy)
            bar = "█" * max(round(share * columns), 1 if share else 0)
            name = f"{copy} (slow)" if copy == slow else copy
            drawn.append(f"  {name:<{_LABEL - 2}}").append(bar, "yellow" if copy == slow else "green")
            drawn.append(f" {share:.0%}\n")
        drawn.append(f"  {'latency':<{_LABEL - 2}}").append(scale.strip(run).rstrip(), "cyan").append("\n")
        drawn.append(" " * _LABEL + scale.marks(run).rstrip() + "\n\n")
    drawn.append(" " * _LABEL + scale.axis())
    return Text(drawn.plain.translate(_ASCII), spans=drawn.spans) if ascii_only else drawn


class Scale:
    """Seconds to columns, by their logarithm; one for all runs."""

    def __init__(self, runs: Sequence[Run], columns: int) -> None:
        seconds = [max(redirect.seconds, 1e-5) for run in runs for redirect in run.redirects]
        self._least, self._most = min(seconds), max(max(seconds), min(seconds) * 10)
        self._columns = columns

    def column(self, seconds: float) -> int:
        share = math.log(max(seconds, self._least) / self._least) / math.log(self._most / self._least)
        return min(self._columns - 1, int(share * self._columns))

    def strip(self, run: Run) -> str:
        """How many took that long: the higher, the more; what is there at all is seen."""
        counts = [0] * self._columns
        for redirect in run.redirects:
            counts[self.column(redirect.seconds)] += 1
        highest = max(counts)
        return "".join(_STEPS[min(7, int(count / highest * 8))] if count else " " for count in counts)

    def marks(self, run: Run) -> str:
        """Where half of them, and 99 of 100, have their answer."""
        line = [" "] * (self._columns + 4)
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            at = self.column(run.percentile(share))
            line[at : at + 4] = f"^{name}"
        return "".join(line)

    def axis(self) -> str:
        """Each power of ten, and below it in words."""
        line, words = ["─"] * self._columns, [" "] * (self._columns + 8)
        for power in range(-5, 2):
            if self._least <= 10.0**power <= self._most:
                at = self.column(10.0**power)
                line[at] = "┬"
                text = duration(10.0**power).replace(".0 ", " ").replace(".00 ", " ")
                words[at : at + len(text)] = text
        return "".join(line) + "\n" + " " * _LABEL + "".join(words).rstrip()
