"""The picture is the same text for the same timeline, in 80 columns, with and without colour and Unicode."""

from __future__ import annotations

import io
import textwrap

import pytest
from rich.console import Console

from checks.unit.experiment.samples import request, steady
from infra.experiment.picture import duration, picture
from infra.experiment.timeline import FaultSpan, Series, Timeline

OUTAGE = Timeline(
    (
        *steady(0.01, 2.01, every=0.025),
        *steady(2.01, 4.01, "failed", every=0.05, seconds=0.5),
        *steady(2.03, 4.03, "unknown", every=0.1, seconds=0.5),
        *steady(4.01, 6.01, every=0.025),
    ),
    (FaultSpan("kill -9 app", 2.0), FaultSpan("app started again", 3.0, 4.0)),
    6.0,
)

GOLDEN = """\
Requests by when they started, 0.1 s a column
      4 │████████████████████                    ████████████████████
        │████████████████████????????????????????████████████████████
        │████████████████████????????????????????████████████████████
        │████████████████████xxxxxxxxxxxxxxxxxxxx████████████████████
        │████████████████████xxxxxxxxxxxxxxxxxxxx████████████████████
        │████████████████████xxxxxxxxxxxxxxxxxxxx████████████████████
      0 │████████████████████xxxxxxxxxxxxxxxxxxxx████████████████████
        └┬─────────┬─────────┬─────────┬─────────┬─────────┬─────────
         0 s       1         2         3         4         5
    p99  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█████████████████████████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
 faults                      1         2━━━━━━━━━━

   1  at 2.0 s: kill -9 app
   2  at 3.0 s to 4.0 s: app started again

      █ answered 160  x failed 40  ? unknown 20
      p99: ▁ about 10 ms, █ about 500 ms; each step the same factor"""


def test_an_outage_looks_like_this() -> None:
    lines = [line.rstrip() for line in picture(OUTAGE).plain.splitlines()]
    assert "\n".join(lines) == GOLDEN


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_it_keeps_to_its_width_but_for_words(width: int) -> None:
    plot = picture(OUTAGE, width).plain.split("\n\n")[0].splitlines()[1:]
    assert max(map(len, plot)) <= width


def test_in_a_pipe_it_is_plain_text() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(picture(OUTAGE))
    assert "\x1b" not in out.getvalue()
    assert [line.rstrip() for line in out.getvalue().splitlines()] == GOLDEN.splitlines()


def test_with_no_color_a_terminal_gets_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True).print(picture(OUTAGE))
    assert "\x1b[3" not in out.getvalue()  # no colour; bold may stay


def test_in_a_terminal_failures_are_red() -> None:
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True, color_system="standard", no_color=False).print(picture(OUTAGE))
    assert "\x1b[31mx" in out.getvalue()


def test_in_ascii_it_says_the_same() -> None:
    plain = picture(OUTAGE, ascii_only=True).plain
    assert plain.isascii()
    assert plain.count("x") == GOLDEN.count("x")
    assert "|####" in plain


def test_a_single_failure_among_thousands_can_be_seen() -> None:
    run = Timeline((*steady(0, 5, every=0.001), request(2.5, outcome="failed")), (), 5.0)
    assert any("x" in line for line in picture(run).plain.splitlines()[1:8])


def test_a_hang_shows_in_the_latency_of_every_column_that_it_spans() -> None:
    run = Timeline((*steady(0, 1), request(1.0, 3.0), *steady(4.0, 5.0)), (), 5.0)
    (line,) = (line for line in picture(run).plain.splitlines() if line.startswith("    p99"))
    assert line.count("█") >= 30


def test_nothing_at_all_can_be_drawn() -> None:
    assert "answered 0" in picture(Timeline((), (), 1.0)).plain


def test_where_nobody_sent_requests_what_was_read_stands_alone() -> None:
    led = Series("leaders", "nodes that lead", tuple((number / 10, 1.0) for number in range(40)))
    drawn = picture(Timeline((), (FaultSpan("frozen", 1.0, 2.0),), 4.0, series=(led,))).plain
    assert "nodes that lead" in drawn
    assert "frozen" in drawn
    assert not [word for word in ("Requests", "answered", "p99") if word in drawn]


def test_a_long_run_fits_too() -> None:
    run = Timeline(tuple(steady(0, 3000, every=1.0)), (FaultSpan("x", 2999.0),), 3000.0)
    assert max(map(len, picture(run).plain.splitlines())) <= 80


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0008, "0.8 ms"), (0.0094, "9.4 ms"), (0.042, "42 ms"), (0.9994, "999 ms"), (1.25, "1.25 s")],
)
def test_durations_are_said_in_the_unit_of_their_size(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_golden_picture_is_no_wider_than_a_terminal() -> None:
    assert all(len(line) <= 80 for line in textwrap.dedent(GOLDEN).splitlines())


def gauged(*gauges: Series) -> list[str]:
    drawn = picture(Timeline(tuple(steady(0, 4)), (), 4.0, series=gauges), 80).plain.splitlines()
    return [line for line in drawn if line.lstrip().startswith(("lag", "few"))]


def test_a_gauge_has_its_row_its_scale_and_a_gap_where_it_could_not_be_read() -> None:
    points = tuple((n / 10 + 0.05, None if 10 <= n < 20 else float(n)) for n in range(40))
    row, legend = gauged(Series("lag", "events", points))
    assert row.startswith("    lag  ▁▁▁▁")
    assert row.endswith("██")
    assert "    " in row.removeprefix("    lag  ")
    assert legend == "      lag: ▁ nothing, █ 39: events"


def test_gauges_of_one_kind_share_a_scale() -> None:
    def line(highest: float) -> tuple[tuple[float, float | None], ...]:
        return tuple((n / 10, highest) for n in range(40))

    many, few = Series("lag", "many", line(80.0), "queries"), Series("few", "few", line(2.0), "queries")
    assert "█" not in gauged(many, few)[1]
    assert gauged(many, few)[3] == "      few: ▁ nothing, █ 80: few"
    assert "█" in gauged(many, Series("few", "few", line(2.0)))[1]
