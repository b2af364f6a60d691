"""The ports of a local stage: the published one, and free ones that the stage keeps for as long as it stands."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from infra.errors import LabError
from infra.project import Project

# Below the range that kernels take for outgoing connections, so that none of those can sit on a port we remember.
_RANGE = range(20_000, 30_000)


@dataclass
class Ports:
    """Port numbers by what they are for, such as "postgres:5432", kept in a file."""

    file: Path
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, project: Project) -> Ports:
        file = project.folder / "ports.json"
        with contextlib.suppress(OSError, ValueError):
            return cls(file, {str(name): int(port) for name, port in json.loads(file.read_text()).items()})
        return cls(file)

    def get(self, purpose: str) -> int:
        """The port for that purpose, a free one the first time."""
        if purpose not in self.numbers:
            self.numbers[purpose] = self._free()
            self.save()
        return self.numbers[purpose]

    def drop_taken(self, standing: frozenset[str]) -> None:
        """Forget the ports that somebody else has taken since, except those of purposes that stand."""
        for purpose, port in list(self.numbers.items()):
            if purpose not in standing and not is_free(port):
                del self.numbers[purpose]

    def save(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.file.with_suffix(".tmp")
        scratch.write_text(json.dumps(self.numbers, indent=2))
        scratch.replace(self.file)

    def _free(self) -> int:
        """A port that nobody listens on and no other stage of this clone remembers.

        A stage's ports lie side by side. Stages of two clones know nothing of each other: when they start at the same
        time, each with thirty ports, strewn ones would meet in one of ten pairs, blocks do in one of two hundred."""
        promised = set(self.numbers.values())
        for other in self.file.parent.parent.glob("*/ports.json"):
            with contextlib.suppress(OSError, ValueError):
                promised |= set(json.loads(other.read_text()).values())
        first = max(self.numbers.values(), default=random.choice(_RANGE)) + 1 - _RANGE.start
        for place in range(len(_RANGE)):
            port = _RANGE[(first + place) % len(_RANGE)]
            if port not in promised and is_free(port):
                return port
        raise LabError("No free port is left between 20000 and 30000. End some of the servers on this machine.")


def is_free(port: int) -> bool:
    """Whether 127.0.0.1:`port` can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def refuse_taken(port: int, lab: int, variable: str = "PORT") -> None:
    """Raises LabError that says who has the port, and what to do. `variable` chooses another one."""
    if is_free(port):
        return
    advice = f"Stop it, or choose another port: make lab-{lab} {variable}={_next_free(port)}"
    owner = _owner(port)
    if owner is None:
        raise LabError(f"Port {port} is taken by a process of another user. {advice}")
    stage = _stage_of(owner)
    if stage:
        raise LabError(
            f"Port {port} is taken by the stage {stage} of this kit (process {owner.pid}). Take it down with "
            f"`make down PROJECT={stage}`, or choose another port: make lab-{lab} {variable}={_next_free(port)}"
        )
    raise LabError(f"Port {port} is taken by {owner.name()} (process {owner.pid}). {advice}")


def _next_free(port: int) -> int:
    return next((other for other in range(port + 1, port + 200) if other < 65536 and is_free(other)), port + 1)


def _owner(port: int) -> psutil.Process | None:
    """The process that listens there, if this user may see it (macOS shows each process alone, and one's own)."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,):
                    return process
    return None


def _stage_of(process: psutil.Process) -> str | None:
    """The project of the local stage that the process belongs to: it holds a pid file of it open."""
    with contextlib.suppress(psutil.Error, OSError):
        for file in process.open_files():
            if found := re.search(r"/([^/]+)/boxes/[^/]+\.pid$", file.path):
                return found[1]
    return None
