"""The mark of a stage that is on its way up. Found by a later command, it says that an earlier one was cut short.

A Postgres that is killed while it initialises leaves a data directory that looks whole and is not: the volumes that
such a start created hold nothing anybody was promised, and go."""

from __future__ import annotations

import json
from pathlib import Path

from infra.project import Project
from infra.runtime.docker.cli import docker
from infra.runtime.docker.containers import PROJECT_LABEL

KEPT = ".docker"  # in the project's folder `volumes`


def begin(project: Project) -> None:
    """From here on the stage is half-way up; remember which volumes it has had before."""
    _path(project).write_text(json.dumps(volumes(project)))


def end(project: Project) -> None:
    """The stage stands."""
    _path(project).unlink(missing_ok=True)


def is_half_up(project: Project) -> bool:
    return _path(project).exists()


def worthless_volumes(project: Project) -> list[str]:
    """The volumes that a start cut short has created."""
    try:
        before = json.loads(_path(project).read_text())
    except (FileNotFoundError, ValueError):
        return []
    return [name for name in volumes(project) if name not in before]


def volumes(project: Project) -> list[str]:
    """All volumes of the project."""
    label = f"label={PROJECT_LABEL}={project.name}"
    return docker("volume", "ls", "-q", "--filter", label, doing="look at the stage").split()


def note_kept(project: Project) -> None:
    """Leave a note for `lab down --volumes` that the data of a stage that is gone is in volumes of the engine."""
    folder = project.folder / "volumes"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / KEPT).touch()


def _path(project: Project) -> Path:
    return project.folder / "docker-half-up.json"
