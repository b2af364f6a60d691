"""What every command needs to know first: the learner's RUNTIME, APP, PORT and PROJECT, and the stage that stands."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path

from infra import state
from infra.errors import LabError
from infra.procfile import read_procfile
from infra.project import ROOT, Project, default_name
from infra.runtime.choose import open_runtime
from infra.runtime.protocol import Progress, Runtime

LABS = (1, 2, 3, 4, 5)  # the labs whose stages stand in docker-compose.yml


def project_name() -> str:
    """PROJECT, or a name made from the clone's folder. Raises LabError for a name that Compose would not take."""
    name = os.environ.get("PROJECT") or default_name()
    if not re.fullmatch("[a-z0-9][a-z0-9_-]*", name):
        raise LabError(
            f"PROJECT={name} will not do: use small letters, digits, - and _, and begin with a letter or digit."
        )
    return name


def lab_number(lab: int) -> int:
    """Raises LabError when no stage of that lab stands in the compose file yet."""
    if lab not in LABS:
        raise LabError(f"There is no lab {lab} yet. The labs that stand are {', '.join(map(str, LABS))}.")
    return lab


def wanted_project(lab: int) -> Project:
    """The project that the environment asks for. Raises LabError for a bad PORT or an APP without a Procfile."""
    return Project(name=project_name(), lab=lab_number(lab), app=app_folder(), port=port())


def app_folder() -> Path:
    """APP as an absolute path; the kit's own service when it is not set."""
    wanted = os.environ.get("APP")
    if not wanted:
        return ROOT / "shortener"
    app = Path(wanted).resolve()
    with contextlib.suppress(RuntimeError):  # the home of a user who is none
        app = Path(wanted).expanduser().resolve()
    if not app.is_dir():
        raise LabError(f"APP={wanted} is no folder here. Name the folder that holds your Procfile.")
    read_procfile(app)
    return app


def port() -> int:
    """PORT, 8000 when it is not set."""
    wanted = os.environ.get("PORT") or "8000"
    if not wanted.isdecimal() or not 1024 <= int(wanted) <= 65535:
        raise LabError(f"PORT={wanted} will not do: name a number from 1024 to 65535, such as PORT=8001.")
    return int(wanted)


def standing() -> Runtime | None:
    """The stage of this project as it was last brought up, None when none was."""
    remembered = state.load(project_name())
    return open_runtime(*remembered) if remembered else None


def current() -> Runtime:
    """The standing stage. Raises LabError when there is none."""
    runtime = standing()
    if runtime is None:
        raise LabError("No stage stands. Bring one up first, such as with `make lab-3`.")
    return runtime


def say(sentence: str) -> None:
    """A `Progress` for the terminal."""
    try:
        print(f"  {sentence}", flush=True)
    except BrokenPipeError:  # `make lab-3 | head`: nobody reads on, and the work goes on all the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def quiet(_: str) -> None:
    """A `Progress` for who wants none."""


__all__ = [
    "LABS",
    "Progress",
    "app_folder",
    "current",
    "lab_number",
    "port",
    "project_name",
    "say",
    "standing",
    "wanted_project",
]
