"""A stage as docker-compose.yml describes it: which boxes stand, how they link, when they are ready. Pure: no I/O but
the reading of the file itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


@dataclass(frozen=True)
class Port:
    """A port that a box listens on (`target`) and where it is published on 127.0.0.1 (`published` None: any free one)."""

    target: int
    published: int | None


@dataclass(frozen=True)
class Mount:
    """A named volume (or a folder, absolute path) at a path inside the box."""

    source: str
    target: str


@dataclass(frozen=True)
class NativeBox:
    """`x-local`: which native box a service is. `kind` is a module of infra/boxes; `process` a line of a Procfile;
    `ready` the HTTP path whose 200 means ready (both runtimes ask it)."""

    kind: str
    process: str | None = None
    ready: str | None = None


@dataclass(frozen=True)
class Box:
    """One service of the compose file, variables filled in."""

    name: str
    aliases: tuple[str, ...]
    profiles: frozenset[str]
    environment: Mapping[str, str]
    command: tuple[str, ...]
    ports: tuple[Port, ...]
    mounts: tuple[Mount, ...]
    depends_on: Mapping[str, Condition]
    native: NativeBox
    memory_limit: int | None = None  # bytes


@dataclass(frozen=True)
class Stage:
    """The boxes of the active profiles in starting order (a box comes after those it depends on), and the one-off
    `tools` that `lab seed` and `lab import` run."""

    boxes: tuple[Box, ...]
    tools: tuple[Box, ...] = ()
    volumes: tuple[str, ...] = field(default=())

    def box(self, name: str) -> Box:
        """The box of that name or alias, tools included. Raises LabError that lists the names there are."""
        raise NotImplementedError

    def links(self) -> tuple[tuple[str, str, int], ...]:
        """(from, to, target port) for each `name:port` of another box that a box's environment mentions."""
        raise NotImplementedError


def read_stage(compose_file: Path, profiles: frozenset[str], variables: Mapping[str, str]) -> Stage:
    """Read `compose_file` with Compose's own rules for variables, defaults, profiles and anchors.

    Raises LabError naming the line of whatever it does not understand."""
    raise NotImplementedError
