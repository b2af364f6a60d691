"""A stage as docker-compose.yml describes it: which boxes stand, how they link, when they are ready. Pure: no I/O but
the reading of the file itself and of the `.env` beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra.compose.box import Box, Condition, Mount, NativeBox, Port
from infra.compose.dotenv import with_dotenv
from infra.compose.file import Entry, read_compose_file
from infra.compose.service import Surroundings, read_profiles, read_service
from infra.errors import LabError

__all__ = ["Box", "Condition", "Mount", "NativeBox", "Port", "Stage", "mentions", "read_stage"]

_TOP_LEVEL = ("services", "volumes", "networks", "name", "version")


@dataclass(frozen=True)
class Stage:
    """The boxes of the active profiles in starting order (a box comes after those it depends on), the one-off `tools`
    that `lab seed` and `lab import` run, and the copies of the service that are `resting` (infra/copies.py): these do
    not stand, but their addresses are kept for them."""

    boxes: tuple[Box, ...]
    tools: tuple[Box, ...] = ()
    volumes: tuple[str, ...] = field(default=())
    resting: tuple[Box, ...] = ()

    @property
    def everyone(self) -> tuple[Box, ...]:
        """The boxes that stand, and those that rest."""
        return (*self.boxes, *self.resting)

    def box(self, name: str) -> Box:
        """The box of that name or alias, tools included. Raises LabError that lists the names there are."""
        for box in (*self.boxes, *self.tools):
            if name in box.names:
                return box
        if name in {box.name for box in self.resting}:
            number = name.rpartition("-")[2]
            raise LabError(f"{name} rests: this stage has fewer copies. `lab scale app {number}` lets it stand.")
        names = ", ".join("/".join(box.names) for box in self.boxes)
        raise LabError(f"There is no box {name} on this stage. Its boxes: {names}.")

    def links(self, *, of_all: bool = False) -> tuple[tuple[str, str, int], ...]:
        """(from, to, target port) for each `name:port` of another box that a box's environment mentions; `of_all` with
        those of the resting boxes."""
        boxes = self.everyone if of_all else self.boxes
        found = {
            (box.name, other.name, port): None
            for box in boxes
            for value in box.environment.values()
            for other, port, _ in mentions(value, boxes)
            if other is not box
        }
        return tuple(found)


def mentions(value: str, boxes: tuple[Box, ...]) -> Iterator[tuple[Box, int, tuple[int, int]]]:
    """Each `name:port` of one of the boxes in `value`, with the span of its characters. `name:123@` is a password."""
    by_name = {name: box for box in boxes for name in box.names}
    if not by_name:
        return
    names = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    for match in re.finditer(rf"(?<![\w.-])({names}):(\d{{1,5}})(?![\w@.])", value):
        yield by_name[match[1]], int(match[2]), match.span()


def read_stage(compose_file: Path, profiles: frozenset[str], variables: Mapping[str, str]) -> Stage:
    """Read `compose_file` with Compose's own rules for variables, defaults, profiles and anchors.

    `variables` are the environment; those of `.env` beside the file stand behind them.
    Raises LabError naming the line of whatever it does not understand."""
    known = with_dotenv(compose_file.parent, variables)
    top = read_compose_file(compose_file, known).as_map()
    for name, entry in top.items():
        if name not in _TOP_LEVEL and not name.startswith("x-"):
            raise entry.refuse(f"`{name}` is not understood by the local runtime. Remove it; it may hold services.")
    if "services" not in top:
        raise LabError(f"{compose_file.name} has no `services`. Fetch it again from the kit's repository.")
    volumes = tuple(top["volumes"].as_map()) if "volumes" in top else ()
    services = top["services"].as_map()
    tags = {name: read_profiles(entry) for name, entry in services.items()}
    active = [name for name in services if not tags[name] or tags[name] & profiles]
    tools = [name for name in services if "tools" in tags[name] and name not in active]
    around = Surroundings(compose_file.parent, known, volumes, tuple(active))
    read = {name: read_service(name, services[name], around) for name in active + tools}
    _check_dependencies(services, read, active)
    _check_names(services, read, active)
    boxes = _with_steps([read[name] for name in _ordered(services, read, active)])
    return Stage(boxes, tuple(read[name] for name in tools), volumes)


def _with_steps(boxes: list[Box]) -> tuple[Box, ...]:
    """The boxes, each knowing whether another one waits for its completion."""
    awaited = {
        name
        for box in boxes
        for name, condition in box.depends_on.items()
        if condition == "service_completed_successfully"
    }
    return tuple(replace(box, step=box.name in awaited) for box in boxes)


def _check_dependencies(services: Mapping[str, Entry], read: dict[str, Box], active: list[str]) -> None:
    """A box may only wait for boxes that stand too."""
    for name in active:
        for other in read[name].depends_on:
            if other in active:
                continue
            entry = services[name].as_map()["depends_on"]
            if other not in services:
                raise entry.refuse(f"service {name} depends on {other}, which is no service. Correct the name.")
            raise entry.refuse(f"service {name} depends on {other}, whose profiles are not active. Give both the same.")


def _check_names(services: Mapping[str, Entry], read: dict[str, Box], active: list[str]) -> None:
    """Two boxes of one stage never share a name."""
    owner: dict[str, str] = {}
    for name in active:
        for alias in read[name].names:
            first = owner.setdefault(alias, name)
            if first != name:
                why = f"{alias} would be both {first} and {name}. Give one another alias or other profiles."
                raise services[name].refuse(why)


def _ordered(services: Mapping[str, Entry], read: dict[str, Box], active: list[str]) -> list[str]:
    """The active names, each after those it depends on, else as in the file. Raises LabError for a cycle."""
    done: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in done:
            return
        if name in path:
            cycle = " -> ".join((*path[path.index(name) :], name))
            waits = services[name].as_map()["depends_on"]
            raise waits.refuse(f"services wait for each other in a circle: {cycle}. Remove one depends_on.")
        for other in read[name].depends_on:
            visit(other, (*path, name))
        done.append(name)

    for name in active:
        visit(name, ())
    return done
