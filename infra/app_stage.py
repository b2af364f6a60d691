"""Which boxes of a stage stand for one app: those whose process its Procfile has. Both runtimes ask here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from infra.errors import LabError
from infra.procfile import read_procfile
from infra.stage import Stage


def for_app(stage: Stage, app: Path) -> Stage:
    """The stage without the optional boxes that this app has no process for.

    Raises LabError when the app lacks a process that must be there; a step, such as `release`, it may lack."""
    named = {box.native.process for box in stage.boxes if box.native.process and not box.step}
    if not named - {"web"}:
        return stage
    processes = read_procfile(app)
    lacking = [box for box in stage.boxes if box.native.process in named - processes.keys()]
    for box in lacking:
        if not box.native.optional:
            raise LabError(
                f"{app / 'Procfile'} has no `{box.native.process}` process, which this lab needs."
                f" Add a line `{box.native.process}: …` to it."
            )
    return without(stage, [box.name for box in lacking])


def without(stage: Stage, names: Collection[str]) -> Stage:
    """The stage as if those boxes were not in it; who waits for them waits no more."""
    kept = [box for box in stage.boxes if box.name not in names]
    boxes = [
        replace(box, depends_on={name: how for name, how in box.depends_on.items() if name not in names})
        for box in kept
    ]
    return replace(stage, boxes=tuple(boxes))
