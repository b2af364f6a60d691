"""One box of a stage, as its service in docker-compose.yml describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


@dataclass(frozen=True)
class Port:
    """A port that a box listens on (`target`), and where it is published on 127.0.0.1 (None: any free one)."""

    target: int
    published: int | None


@dataclass(frozen=True)
class Mount:
    """A named volume (or a folder, absolute path) at a path inside the box."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class NativeBox:
    """`x-local`: which native box a service is. `kind` is a module of infra/boxes; `process` a line of a Procfile;
    `ready` the HTTP path whose 200 means ready (both runtimes ask it); an `optional` process may be missing there.
    `pid_files` say, inside the box, which of several processes is which: each can be killed without the others."""

    kind: str
    process: str | None = None
    ready: str | None = None
    optional: bool = False
    pid_files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Box:
    """One service of the compose file, variables filled in. `exposed` are ports that only other boxes use; a `step`
    runs to its end before the boxes that wait for its completion start."""

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
    exposed: tuple[int, ...] = ()
    step: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name by which other boxes reach this one."""
        return (self.name, *self.aliases)
