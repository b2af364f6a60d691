"""`lab check N [NAME]`: proves a lab's milestone on the standing stage, or on one of its own that goes again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated

import typer

from infra import state
from infra.commands.context import lab_number, project_name, wanted_project
from infra.errors import LabError
from infra.project import LAB_HOME, ROOT, Project
from infra.runtime.choose import choose, open_runtime
from infra.runtime.protocol import Runtime


def check(
    lab: Annotated[int, typer.Argument(help="Which lab, such as 2.")],
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]", help="Only the checks of these names.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Prove a lab's milestone: a line a check, a verdict at the end. Exit 0 proved, 1 not, 75 cannot be decided."""
    from checks.plugin.report import Report
    from checks.plugin.run import run_checks
    from checks.plugin.stand import Stands

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as with Ctrl-C, nothing is left behind
    lab_number(lab)
    project, runtime, standing = _what_to_check(lab)
    with _pytest_silenced() as out:
        report = Report(out, as_json, part=bool(names))
        where = f"the standing stage at {project.base_url}" if standing else "on a stage of its own"
        report.begin(lab, runtime, _app_name(project.app), where)
        stands = Stands(project, runtime, open_runtime, standing, report.aside)
        code, results = run_checks(lab, tuple(names or ()), stands, report)
    _remember(lab, [result.name for result in results if result.verdict == "fail"])
    raise typer.Exit(code)


def _remember(lab: int, failed: list[str]) -> None:
    """What failed last, for `lab hint`."""
    with contextlib.suppress(OSError):  # a full disk spoils a hint, not a verdict
        LAB_HOME.mkdir(exist_ok=True)
        (LAB_HOME / "last-check.json").write_text(json.dumps({"lab": lab, "failed": failed}))


def _what_to_check(lab: int) -> tuple[Project, str, Runtime | None]:
    """The project, the runtime's name, and the learner's stage of that lab if it stands (None: none does).

    Raises LabError when it stands but is not whole."""
    remembered = state.load(project_name())
    if remembered is None or not _is_wanted(remembered, lab):
        return wanted_project(lab), choose(os.environ.get("RUNTIME"))[0], None
    project, name = remembered
    runtime = open_runtime(project, name)
    if all(box.state == "absent" for box in runtime.status()):  # remembered from before a reboot
        return project, name, None
    ailing = [box.name for box in runtime.status() if not (box.ready or box.state == "completed")]
    if ailing or runtime.faults():
        what = ", ".join([*(f"{box} is not ready" for box in ailing), *runtime.faults()])
        raise LabError(f"The stage is not whole ({what}), so a check would prove nothing. Run `make heal`, then check.")
    return project, name, runtime


def _is_wanted(remembered: tuple[Project, str], lab: int) -> bool:
    """Whether the remembered stage is what APP, RUNTIME and PORT (where they are set) and `lab` ask for."""
    project, runtime = remembered
    if project.lab != lab or project.alone or os.environ.get("RUNTIME") not in (None, "", runtime):
        return False
    wanted = wanted_project(lab)
    return (not os.environ.get("APP") or wanted.app == project.app) and (
        not os.environ.get("PORT") or wanted.port == project.port
    )


def _app_name(app: Path) -> str:
    """The app folder as a learner would type it."""
    return str(app.relative_to(ROOT)) if app.is_relative_to(ROOT) else str(app)


@contextlib.contextmanager
def _pytest_silenced() -> Iterator[IO[str]]:
    """The real stdout for the report; whatever else would be printed (a library's notice) goes nowhere."""
    out = sys.stdout
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield out
