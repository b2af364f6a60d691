"""One run of a lab's checks: pytest without its noise, on the stages given, to an exit code."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from checks.plugin.hooks import Checks
from checks.plugin.report import Report
from checks.plugin.stand import Stands
from checks.plugin.verdict import NOT_PROVED, Result, exit_code

CHECKS = Path(__file__).resolve().parent.parent
CONTRACT = ("lab1/check_contract.py", "lab1/check_bad_input.py", "lab1/check_together.py", "lab1/check_stop.py")
DATABASE = ("lab2/check_links.py", "lab2/check_database.py")
# Lab 4 repeats what copies behind a balancer could spoil. The rest is left to lab 3's single service: how it ends, is
# killed or cut off (lab 4 has its own checks of that), what it asks Redis and Postgres, and what becomes of its events.
THROUGH_THE_BALANCER = (
    "lab1/check_contract.py",
    "lab1/check_bad_input.py",
    "lab1/check_together.py",
    "lab2/check_links.py",
    "lab3/check_changes.py",
    "lab3/check_races.py",
    "lab3/check_idempotency.py",
    "lab3/check_clicks.py",
)
SUITES = {
    1: (*CONTRACT, "lab1/check_file.py"),
    2: (*CONTRACT, *DATABASE, "lab2/check_million.py", "lab2/check_plan.py"),
    3: (*CONTRACT, *DATABASE, "lab2/check_plan.py", "lab3"),  # redirects no longer ask the database about its million
    4: (*THROUGH_THE_BALANCER, "lab4"),
    5: ("lab1/check_contract.py", "lab2/check_links.py", "lab3/check_changes.py", "lab3/check_idempotency.py", "lab5"),
}  # a lab keeps the promises of those before it
_PLUGINS = "terminal, cacheprovider, logging, faulthandler, warnings, unraisableexception, threadexception, doctest"


def run_checks(
    lab: int, names: tuple[str, ...], stands: Stands, report: Report, paths: tuple[Path, ...] = ()
) -> tuple[int, list[Result]]:
    """Exit code (0 proved, 1 not, 75 inconclusive) and each check's result. Raises KeyboardInterrupt on Ctrl-C.

    `paths` replace the lab's own checks. Own stages are taken down before it returns, whatever happens."""
    began = time.monotonic()
    checks = Checks(lab, stands, names, report.result)
    try:
        status = _pytest(paths or suite(lab), checks)
    finally:
        stands.down()
    if status == pytest.ExitCode.INTERRUPTED and not checks.problem:
        raise KeyboardInterrupt
    if status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
        checks.problem = checks.problem or "The checks themselves cannot be run: this is a defect of the kit."
    code = NOT_PROVED if checks.problem else exit_code(checks.results)
    report.end(checks.results, code, time.monotonic() - began, checks.problem)
    return code, checks.results


def suite(lab: int) -> tuple[Path, ...]:
    """The files and folders whose checks prove that lab."""
    return tuple(CHECKS / name for name in SUITES[lab])


def _pytest(paths: tuple[Path, ...], checks: Checks) -> int:
    """pytest without the plugins that other packages bring (locust's would load gevent) and no output of its own."""
    quiet = [f"-pno:{name}" for name in _PLUGINS.split(", ")]
    config = ["-c", str(CHECKS / "plugin" / "checks.ini"), f"--rootdir={CHECKS.parent}"]
    arguments = [
        *quiet,
        *config,
        "--disable-plugin-autoload",
        "--import-mode=importlib",
        "--assert=plain",
        "--capture=no",
        *map(str, paths),
    ]
    with pytest.MonkeyPatch.context() as environment:
        for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):  # a learner's, for tests of their own
            environment.delenv(name, raising=False)
        return int(pytest.main(arguments, plugins=[checks]))
