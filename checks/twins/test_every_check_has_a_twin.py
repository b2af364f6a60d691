"""The lint of the checks: one that rejects nothing is a defect, and so is a twin that nothing rejects."""

from __future__ import annotations

from checks.plugin.run import SUITES
from checks.twins.twin import checks_of, twins


def test_every_check_rejects_a_twin() -> None:
    rejecting = {name for twin in twins() for name in twin.rejected_by}
    idle = {name for lab in SUITES for name in checks_of(lab)} - rejecting
    assert not idle, f"no twin in checks/broken is rejected by: {', '.join(sorted(idle))}"


def test_every_twin_names_checks_that_its_lab_has() -> None:
    unknown = [(twin.name, name) for twin in twins() for name in twin.rejected_by if name not in checks_of(twin.lab)]
    assert not unknown


def test_every_twin_says_why_in_a_sentence() -> None:
    silent = [twin.name for twin in twins() if not twin.why.endswith(".") or not twin.says or not twin.rejected_by]
    assert not silent


def test_every_lab_has_checks() -> None:
    assert all(len(checks_of(lab)) > 10 for lab in SUITES)
