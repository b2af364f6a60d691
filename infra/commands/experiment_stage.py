"""The stage that an experiment runs on: the learner's own if it stands and will do, else one that goes again."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from infra import state
from infra.commands.context import project_name, wanted_project
from infra.errors import LabError
from infra.interrupt import undisturbed
from infra.project import Project
from infra.runtime.choose import choose, open_runtime
from infra.runtime.protocol import Progress, Runtime


class Needs(Protocol):
    """What a stage must be for: an experiment, or a lesson that runs on one."""

    @property
    def lab(self) -> int: ...
    @property
    def own_stage(self) -> bool: ...
    @property
    def profiles(self) -> frozenset[str]: ...
    @property
    def variables(self) -> Mapping[str, str]: ...


@contextlib.contextmanager
def stage_for(experiment: Needs, progress: Progress) -> Iterator[Runtime]:
    """A whole stage of the experiment's lab. One of its own is taken down with its data, however the block ends.

    Raises LabError when the learner's stage stands and is not whole."""
    standing = _standing(experiment.lab)
    if standing is not None and not experiment.own_stage:
        _insist_that_it_is_whole(standing)
        yield standing
        return
    with _own_stage(experiment, standing, progress) as runtime:
        yield runtime


def _standing(lab: int) -> Runtime | None:
    """The learner's stage, if it is of that lab and something of it is there."""
    remembered = state.load(project_name())
    if remembered is None or remembered[0].lab != lab or remembered[0].alone:
        return None
    wanted = os.environ.get("RUNTIME")
    if wanted and wanted != remembered[1]:
        return None
    runtime = open_runtime(*remembered)
    return None if all(box.state == "absent" for box in runtime.status()) else runtime


def _insist_that_it_is_whole(runtime: Runtime) -> None:
    ailing = [box.name for box in runtime.status() if not (box.ready or box.state == "completed")]
    if ailing or runtime.faults():
        what = ", ".join([*(f"{box} is not ready" for box in ailing), *runtime.faults()])
        raise LabError(f"The stage is broken already ({what}). Run `make heal`, then break it in one way at a time.")


@contextlib.contextmanager
def _own_stage(experiment: Needs, standing: Runtime | None, progress: Progress) -> Iterator[Runtime]:
    project, name = _own_project(experiment, standing)
    why = "needs data of its own" if experiment.own_stage else f"finds no stage of lab {experiment.lab}"
    progress(f"this experiment {why}: a stage for it comes up, and goes again afterwards ({name} runtime)")
    runtime = open_runtime(project, name)
    with state.owned(project):
        try:
            runtime.up(lambda sentence: None)
            yield runtime
        finally:
            with undisturbed():
                runtime.down(volumes=True)


def _own_project(experiment: Needs, standing: Runtime | None) -> tuple[Project, str]:
    """What the learner's stage is, or would be, under a name and a port of its own."""
    if standing is not None:
        remembered = state.load(project_name())
        assert remembered is not None
        base, name = remembered
    else:
        base, name = wanted_project(experiment.lab), choose(os.environ.get("RUNTIME"))[0]
    own = f"{base.name}-break-{os.getpid()}"
    variables = {**base.variables, **experiment.variables}
    profiles = base.profiles | experiment.profiles
    return replace(base, name=own, port=free_port(), profiles=profiles, variables=variables), name


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
