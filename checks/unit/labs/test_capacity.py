"""`lab capacity`: the arithmetic is right and says what it did; figures come from here, by hand or the textbook."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.commands import capacity as command
from infra.errors import LabError
from labs.lab4_many_copies.capacity import rates
from labs.lab4_many_copies.capacity.arithmetic import DAY, Line, plan, value
from labs.lab4_many_copies.capacity.assumptions import BOUNDS, Assumptions, number
from labs.lab4_many_copies.capacity.units import amount, written
from labs.lab4_many_copies.capacity.words import meaning

TEXTBOOK = {name: kind.textbook for name, kind in rates.KINDS.items()}
SANE = {"users": (1.0, 1e9), "writes_a_day": (0.001, 100.0), "read_ratio": (0.1, 1000.0), "years": (0.1, 50.0)}
assumptions = st.builds(
    Assumptions, **{name: st.floats(*SANE.get(name, BOUNDS[name]), allow_nan=False) for name in BOUNDS}
)
measured = st.fixed_dictionaries({name: st.floats(1.0, 10_000.0) for name in TEXTBOOK})


def worked_out(formula: str) -> float:
    """What the formula comes to, with the numbers as they are written in it and its words left out."""
    bare = re.sub(r"(?<=[\d)])/s", "", formula).replace(",", "").removesuffix(" rounded up")
    bare = bare.replace("\N{MULTIPLICATION SIGN}", "*").replace("\N{DIVISION SIGN}", "/").replace("\N{MINUS SIGN}", "-")
    bare = re.sub(r"\bln ([\d.]+)", r"log(\1)", bare)
    bare = re.sub(r"\b(?!log\b)[a-z]+\b", "", bare)
    assert re.fullmatch(r"(?:log|[\d\s.()*/+-])+", bare), formula
    return float(eval(bare, {"log": math.log}))


@given(assumptions, measured)
def test_each_formula_comes_to_its_figure(assumed: Assumptions, figures: dict[str, float]) -> None:
    for line in plan(assumed, figures):
        if "rounded up" in line.formula:
            assert line.value - 1.02 < worked_out(line.formula) * 1.02 + 0.02
            assert worked_out(line.formula) * 0.98 - 0.02 <= line.value
        elif MINUS not in line.formula and line.what != "links to hold":
            assert line.value == pytest.approx(worked_out(line.formula), rel=0.02), line


MINUS = "\N{MINUS SIGN}"  # a difference of two numbers that are nearly alike needs more than three digits
MORE_NEEDS_MORE = ("users", "writes_a_day", "years", "read_ratio", "link_size", "peak", "hot_share")
LESS_WITH_MORE = ("ids there are for each", "the rest, at the peak", "share found there")


@given(assumptions, st.sampled_from(MORE_NEEDS_MORE), st.floats(1.0, 3.0))
def test_more_of_anything_needs_no_less(assumed: Assumptions, what: str, factor: float) -> None:
    more = min(getattr(assumed, what) * factor, BOUNDS[what][1])
    before, after = plan(assumed, TEXTBOOK), plan(replace(assumed, **{what: more}), TEXTBOOK)
    for was, now in zip(before, after, strict=True):
        assert was.what == now.what
        if was.what not in LESS_WITH_MORE:
            assert now.value >= was.value * (1 - 1e-9), (was, now)


@given(assumptions, st.sampled_from(["redirects", "writes"]), st.floats(1.0, 10.0))
def test_faster_copies_are_no_more_copies(assumed: Assumptions, name: str, factor: float) -> None:
    slow, fast = plan(assumed, TEXTBOOK), plan(assumed, TEXTBOOK | {name: TEXTBOOK[name] * factor})
    assert value(fast, "and one may be lost") <= value(slow, "and one may be lost")


@given(assumptions, measured)
def test_one_copy_may_be_lost_and_the_others_are_not_too_busy(assumed: Assumptions, figures: dict[str, float]) -> None:
    lines = plan(assumed, figures)
    left = value(lines, "and one may be lost") - 1
    assert left >= 1
    work = value(lines, "busy with redirects") + value(lines, "busy with new links")
    assert work / left <= assumed.busy * (1 + 1e-9)


@given(assumptions)
def test_the_hits_are_a_share_and_a_cache_of_everything_finds_everything(assumed: Assumptions) -> None:
    assert 0 <= value(plan(assumed, TEXTBOOK), "share found there") <= 1
    assert value(plan(replace(assumed, hot_share=1), TEXTBOOK), "the rest, at the peak") == pytest.approx(0, abs=1e-6)


def test_an_example_worked_out_by_hand() -> None:
    lines = plan(Assumptions(users=864_000, writes_a_day=1, read_ratio=50, link_size=100, years=2, peak=3), TEXTBOOK)
    assert value(lines, "new links a second") == pytest.approx(864_000 / DAY) == pytest.approx(10)
    assert value(lines, "redirects at the peak") == pytest.approx(1500)
    assert value(lines, "Postgres") == pytest.approx(864_000 * 730 * (200 + 3 * 100))
    assert value(lines, "answers at the peak") == pytest.approx(1500 * 400 * 8)
    # 1,500 of 1,000 redirects and 30 of 200 new links: 1.65 copies, at 60 per cent 2.75, so 3 and one more.
    assert value(lines, "and one may be lost") == 4


@pytest.mark.parametrize("name", list(BOUNDS))
def test_a_number_out_of_bounds_is_a_sentence(name: str) -> None:
    least, most = BOUNDS[name]
    for bad in (least - abs(least) - 1, most * 2, math.nan, math.inf):
        with pytest.raises(LabError, match=f"--{name.replace('_', '-')} .* will not do: name a number from"):
            Assumptions(**{name: bad})


def test_bounds_are_written_as_people_write_numbers() -> None:
    with pytest.raises(LabError, match=r"--users inf will not do: name a number from 1 to 10,000,000,000\."):
        Assumptions(users=math.inf)
    with pytest.raises(LabError, match=r"--hot-share 3 will not do: name a number from 0\.000001 to 1\."):
        Assumptions(hot_share=3)


@pytest.mark.parametrize(("text", "read"), [("1_000_000", 1e6), ("1,000,000", 1e6), ("1e6", 1e6), ("0.1", 0.1)])
def test_numbers_as_people_write_them(text: str, read: float) -> None:
    assert number("--users", text) == read


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"users": "many"}, "--users many is no number"),
        ({"rate": ["redirects"]}, "--rate redirects gives no number"),
        ({"rate": ["redirects=fast"]}, "--rate redirects fast is no number"),
        ({"rate": ["speed=3"]}, "--rate speed names no figure. There are redirects"),
        ({"rate": ["redirects=0"]}, "greater than 0"),
    ],
)
def test_what_a_learner_may_type_wrong(words: dict[str, str | list[str]], sentence: str) -> None:
    with pytest.raises(LabError, match=sentence):
        asked(**words)


def asked(**words: object) -> None:
    usual = {name: f"{getattr(Assumptions(), name)}" for name in BOUNDS}
    command.capacity(**(usual | {"rate": None, "measure": False} | words))  # type: ignore[arg-type]


def test_it_says_where_each_figure_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "LAB_HOME", tmp_path)
    rates.save(tmp_path, {"writes": rates.Rate(700, "measured on lab 4, 2026-11-29")})
    asked(rate=["redirects=3_000"])
    said = capsys.readouterr().out
    assert re.search(r"redirects +3,000/s .* by hand", said)
    assert re.search(r"writes +700/s .* measured on lab 4, 2026-11-29", said)
    assert re.search(r"event +100 bytes .* textbook", said)
    assert "nobody measured here: row, url-copies, entry, answer, event" in " ".join(said.split())


def test_without_a_stage_there_is_nothing_to_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECT", "capacity-without-a-stage")
    with pytest.raises(LabError, match="No stage stands"):
        asked(measure=True)


@pytest.mark.parametrize("content", ["", "[]", '{"writes": 3}', '{"writes": ["fast", "x"]}'])
def test_a_spoilt_file_of_figures_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / rates.FILE).write_text(content)
    assert rates.load(tmp_path) == {}


@pytest.mark.parametrize(("users", "said"), [(1_000, "One copy could do it"), (1e9, "copies carry the peak")])
def test_the_words_are_the_figures(users: float, said: str) -> None:
    lines = plan(Assumptions(users=users), TEXTBOOK)
    copies, postgres, *_ = meaning(rates.textbook(), lines)
    assert said in copies
    assert ("sharding" in postgres) is (value(lines, "new links at the peak") > TEXTBOOK["writes"])


@pytest.mark.parametrize(
    ("figure", "unit", "said"),
    [
        (91.25e9, "bytes", "91.2 GB"),
        (999.9e9, "bytes", "1 TB"),
        (400, "bytes", "400 bytes"),
        (1.48e6, "bit/s", "1.48 Mbit/s"),
        (463.2, "/s", "463/s"),
        (182_500_000, "", "182,500,000"),
        (2, "copies", "2 copies"),
    ],
)
def test_amounts_have_their_natural_unit(figure: float, unit: str, said: str) -> None:
    assert amount(figure, unit) == said


@given(st.floats(1e-6, 1e15))
def test_a_written_number_is_right_to_three_digits(figure: float) -> None:
    assert float(written(figure).replace(",", "")) == pytest.approx(figure, rel=0.005)


def test_lines_are_told_apart_by_their_names() -> None:
    lines: list[Line] = plan(Assumptions(), TEXTBOOK)
    assert len({line.what for line in lines}) == len(lines)
