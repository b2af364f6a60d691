"""A timeline as a picture in the terminal: a bar a slice of time by outcome, the latency below, the faults beneath.
Where nobody sent requests (an election) the bars are left out.

Nothing is said by colour alone: the picture reads the same in a pipe and with NO_COLOR."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from infra.experiment.timeline import Bucket, FaultSpan, Series, Timeline

_HEIGHT = 7  # rows of the bars
_MARGIN = 9  # columns left of the plot
_SLICES = (0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds a column may stand for
_TICKS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)  # seconds between two numbers on the time axis
_STEPS = "▁▂▃▄▅▆▇█"
_GLYPHS = {"ok": ("█", "green"), "failed": ("x", "red"), "unknown": ("?", "yellow")}
_ASCII = str.maketrans("▁▂▃▄▅▆▇█│└─┬━", "_.:-=+*##|+-++"[:8] + "|+-+=")


def picture(timeline: Timeline, width: int = 80, *, ascii_only: bool = False) -> Text:
    """Draw `timeline` in at most `width` columns (40 or more). The same timeline gives the same text."""
    columns = max(40, width) - _MARGIN - 3
    slice_seconds = next((s for s in _SLICES if timeline.seconds / s <= columns), timeline.seconds / columns)
    buckets = timeline.buckets(slice_seconds)
    of_requests = bool(timeline.requests or not timeline.series)
    title = "Requests by when they started" if of_requests else "What was seen meanwhile"
    lines = [
        Text(f"{title}, {slice_seconds:g} s a column"),
        *(_bars(buckets) if of_requests else ()),
        _axis(timeline.seconds, slice_seconds, len(buckets)),
        *([_latency(buckets)] if of_requests else ()),
        *(_gauge(series, _highest(series, timeline.series), slice_seconds, len(buckets)) for series in timeline.series),
        *_faults(timeline.faults, slice_seconds, len(buckets)),
        Text(),
        *([_legend(timeline, buckets)] if of_requests else ()),
        *_gauge_legends(timeline.series),
    ]
    drawn = Text("\n").join(lines)
    return _translated(drawn) if ascii_only else drawn


def _bars(buckets: Sequence[Bucket]) -> list[Text]:
    """Stacked from the bottom: answered, failed, unknown. What is there at all has a cell at least."""
    highest = max((bucket.total for bucket in buckets), default=0) or 1
    stacks = [_stack(bucket, highest) for bucket in buckets]
    rows = []
    for row in range(_HEIGHT, 0, -1):
        label = {_HEIGHT: f"{highest:>{_MARGIN - 2}} ", 1: f"{0:>{_MARGIN - 2}} "}.get(row, " " * (_MARGIN - 1))
        line = Text(f"{label}│")
        for stack in stacks:
            glyph, style = _GLYPHS[stack[row - 1]] if row <= len(stack) else (" ", "")
            line.append(glyph, style)
        rows.append(_trimmed(line))
    return rows


def _stack(bucket: Bucket, highest: int) -> list[str]:
    """The outcomes of a bar's cells, from the bottom up."""
    counts = {"ok": bucket.ok, "failed": bucket.failed, "unknown": bucket.unknown}
    cells = {name: max(1, round(count / highest * _HEIGHT)) if count else 0 for name, count in counts.items()}
    while sum(cells.values()) > _HEIGHT:  # a cell that every outcome is due takes it from the largest
        cells[max(cells, key=lambda name: cells[name])] -= 1
    return [name for name, count in cells.items() for _ in range(count)]


def _axis(seconds: float, slice_seconds: float, columns: int) -> Text:
    every = next((t for t in _TICKS if seconds / t <= columns / 6), _TICKS[-1])
    line = ["─"] * columns
    numbers = [" "] * (columns + 8)
    for tick in range(int(seconds / every + 1e-9) + 1):
        column = round(tick * every / slice_seconds)
        if column >= columns:
            break
        line[column] = "┬"
        text = f"{tick * every:g}" + (" s" if tick == 0 else "")
        numbers[column : column + len(text)] = text
    return Text(" " * (_MARGIN - 1) + "└" + "".join(line) + "\n" + " " * _MARGIN + "".join(numbers).rstrip())


def _latency(buckets: Sequence[Bucket]) -> Text:
    """The 99th percentile of the requests under way in each slice, on a logarithmic scale."""
    values = [bucket.p99 for bucket in buckets]
    low, high = _range(values)
    line = Text("p99".rjust(_MARGIN - 2) + "  ")
    for value in values:
        share = 0.0 if value is None or high <= low else math.log(max(value, low) / low) / math.log(high / low)
        line.append(" " if value is None else _STEPS[min(7, int(share * 8))], "cyan")
    return _trimmed(line)


def _range(values: Sequence[float | None]) -> tuple[float, float]:
    """The least and the greatest, at least a factor of ten apart: noise on a flat line must not look like mountains."""
    there = [max(value, 1e-5) for value in values if value is not None]
    if not there:
        return 1e-3, 1e-3
    return min(there), max(max(there), min(there) * 10)


def _gauge(series: Series, highest: float, slice_seconds: float, columns: int) -> Text:
    """The greatest value of each slice, from nothing to the highest; a gap is where it could not be read."""
    reach = _reach(series)
    line = Text(series.name.rjust(_MARGIN - 2) + "  ")
    for column in range(columns):
        end = (column + 1) * slice_seconds
        values = series.between(min(column * slice_seconds, end - reach), end)
        line.append(_STEPS[min(7, int(max(values) / highest * 8))] if values else " ", "blue")
    return _trimmed(line)


def _reach(series: Series) -> float:
    """Seconds that a reading stands for: a little more than those between two of them."""
    if len(series.points) < 2:
        return 0.0
    return 1.2 * (series.points[-1][0] - series.points[0][0]) / (len(series.points) - 1)


def _highest(series: Series, gauges: Sequence[Series]) -> float:
    """The greatest value of the series, and of those on the same scale."""
    beside = [other for other in gauges if series.scale and other.scale == series.scale]
    return max(1.0, *(value for one in (series, *beside) for value in one.between(0.0)), 0.0)


def _gauge_legends(gauges: Sequence[Series]) -> list[Text]:
    return [
        Text(f"{series.name:>9}: ").append("▁", "blue").append(" nothing, ").append("█", "blue")
        .append(f" {_highest(series, gauges):,.0f}: {series.what}")
        for series in gauges
    ]  # fmt: skip


def _faults(faults: Sequence[FaultSpan], slice_seconds: float, columns: int) -> list[Text]:
    if not faults:
        return []
    marks = [" "] * columns
    for span in faults:
        first, last = (min(columns - 1, int(t / slice_seconds)) for t in (span.start, span.end or span.start))
        marks[first : last + 1] = "━" * (last + 1 - first)
    for number, span in enumerate(faults, start=1):  # over the lines, so that no number is hidden
        marks[min(columns - 1, int(span.start / slice_seconds))] = str(number % 10)
    rows = [Text("faults".rjust(_MARGIN - 2) + "  ").append("".join(marks).rstrip(), "bold magenta"), Text()]
    for number, span in enumerate(faults, start=1):
        until = f" to {span.end:.1f} s" if span.end is not None else ""
        rows.append(Text(f"{number:>4}  at {span.start:.1f} s{until}: {span.label}"))
    return rows


def _legend(timeline: Timeline, buckets: Sequence[Bucket]) -> Text:
    line = Text("     ")
    for outcome, word in (("ok", "answered"), ("failed", "failed"), ("unknown", "unknown")):
        glyph, style = _GLYPHS[outcome]
        count = sum(1 for request in timeline.requests if request.outcome == outcome)
        line.append(" ").append(glyph, style).append(f" {word} {count:,} ")
    values = [bucket.p99 for bucket in buckets]
    if any(value is not None for value in values):
        low, high = _range(values)
        line.append("\n      p99: ").append("▁", "cyan").append(f" about {duration(low)}, ")
        line.append("█", "cyan").append(f" about {duration(high)}; each step the same factor")
    return line


def duration(seconds: float) -> str:
    """In the unit that a reader would choose: 0.8 ms, 42 ms, 1.25 s."""
    milliseconds = seconds * 1000
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{seconds:.2f} s"


def _trimmed(line: Text) -> Text:
    line.rstrip()
    return line


def _translated(text: Text) -> Text:
    """The same picture for a terminal that has ASCII alone; the spans keep their places, a glyph is a glyph."""
    return Text(text.plain.translate(_ASCII), spans=text.spans)
