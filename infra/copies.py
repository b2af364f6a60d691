"""The copies of the service on a stage: how many stand, and which rest until `lab scale` asks. Lab 4 adds this."""

from __future__ import annotations

import re
from dataclasses import replace

from infra.app_stage import without
from infra.compose.box import Box
from infra.project import MORE_COPIES
from infra.stage import Stage

_COPY = re.compile(r"app-(\d+)")


def copies(stage: Stage) -> list[Box]:
    """Every copy that stands or rests, by its number; none before lab 4."""
    found = [box for box in stage.everyone if _COPY.fullmatch(box.name)]
    return sorted(found, key=lambda box: int(box.name.rpartition("-")[2]))


def standing(stage: Stage) -> list[str]:
    """The names of those copies that stand."""
    return [copy.name for copy in copies(stage) if copy not in stage.resting]


def front(stage: Stage) -> str:
    """The box that clients ask: the balancer where one stands before the copies, else the service itself."""
    return next((box.name for box in stage.boxes if box.native.kind == "haproxy"), "app")


def with_copies(stage: Stage, wanted: int | None) -> Stage:
    """The stage with the first `wanted` of its copies, or with those of the lab's own profile; the others rest."""
    every = copies(stage)
    resting = every[wanted:] if wanted is not None else [box for box in every if _rests_by_itself(box)]
    names = {box.name for box in resting}
    return replace(without(stage, names), resting=tuple(resting))


def _rests_by_itself(box: Box) -> bool:
    return all(profile.endswith(MORE_COPIES) for profile in box.profiles)
