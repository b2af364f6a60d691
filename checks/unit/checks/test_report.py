"""The last line claims what was proved, and no more."""

from __future__ import annotations

import io

import pytest

from checks.plugin.report import Report
from checks.plugin.verdict import PROVED, Result


@pytest.mark.parametrize(("part", "claim"), [(False, "\nLab 2 is proved: 1 passed"), (True, "\nThis part of lab 2 is")])
def test_some_checks_do_not_prove_the_lab(part: bool, claim: str) -> None:
    out = io.StringIO()
    report = Report(out, part=part)
    report.begin(2, "local", "shortener", "a stage")
    report.end([Result("create", "POST answers 201", "pass", 0.1)], PROVED, 1.0)
    assert claim in out.getvalue()
