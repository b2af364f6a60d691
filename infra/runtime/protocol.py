"""What every runtime can do with a stage: stand it up, look at it, break it, mend it. `local` and `docker` both do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from infra.stage import Stage

Progress = Callable[[str], None]  # one short sentence for the learner, such as "postgres is ready (0.6 s)"

State = Literal["running", "paused", "dead", "completed", "absent"]


@dataclass(frozen=True)
class BoxStatus:
    """One box as it is now. `address` is host:port on 127.0.0.1, None where it publishes none; `memory` in bytes."""

    name: str
    state: State
    ready: bool
    address: str | None
    memory: int | None
    detail: str = ""  # why it is not ready; which fault is in force


class Runtime(Protocol):
    """A stage of one project in one runtime. Box names are those of the compose file, or an alias.

    Every fault writes its undo to the project's state before it acts; `heal` plays them all back. Each verb raises
    LabError with a sentence for the learner; what this machine or runtime cannot inject raises NotSupported."""

    name: str  # "local" or "docker"

    @property
    def stage(self) -> Stage:
        """Raises LabError when the compose file cannot be read."""

    def up(self, progress: Progress) -> None:
        """Stand the stage up and wait until every box is ready, asked of the box itself. Idempotent."""

    def down(self, *, volumes: bool = False) -> None:
        """Leave no process, container, network, port or lock. Data stays unless `volumes`. Twice is fine."""

    def status(self) -> list[BoxStatus]: ...

    def logs(self, box: str, *, lines: int = 50) -> str:
        """The last lines that the box wrote."""

    def connect(self, box: str) -> list[str]:
        """The command that opens the box's own client (psql), to be exec'ed."""

    def address(self, box: str, target: int | None = None) -> tuple[str, int]:
        """Host and port on 127.0.0.1 of the box's published port (its first, unless `target` is given)."""

    def run(self, tool: str, arguments: Sequence[str] = (), *, stdin: Path | None = None) -> int:
        """Run a one-off tool box in the foreground (`seed`, `import`) and return its exit code."""

    def output(self, tool: str, arguments: Sequence[str] = ()) -> tuple[int, str]:
        """The same, and what it wrote to standard output. Its standard error stays the terminal's."""

    def kill(self, box: str) -> None:
        """SIGKILL the whole box. It stays dead until started."""

    def kill_process(self, box: str, process: str) -> None:
        """SIGKILL one of the processes that the box's `pid_files` name, and leave the others alone."""

    def start(self, box: str) -> None:
        """Start a dead box and wait until it is ready."""

    def stop(self, box: str) -> None:
        """SIGTERM, then SIGKILL after 10 s; stays dead until started."""

    def exit_code(self, box: str) -> int | None:
        """How a box's process ended (128 + the signal's number by a signal); None while it lives, or when only another
        process could know: the local runtime knows of the boxes that it started itself."""

    def restart(self, box: str) -> None: ...

    def pause(self, box: str) -> None: ...

    def resume(self, box: str) -> None: ...

    def cut(self, source: str, target: str) -> None:
        """Nothing passes between the two boxes any more, and nobody is told: packets vanish."""

    def slow(self, source: str, target: str, delay: float) -> None:
        """Each direction between the two boxes takes `delay` seconds longer."""

    def fill(self, box: str) -> None:
        """The box's disk is full from now on: it cannot make any file longer than it is now."""

    def drain(self, copy: str) -> None:
        """The balancer sends that copy no new request. Returns once those in flight have ended (lab 4)."""

    def admit(self, copy: str, *, wait: bool = True) -> None:
        """The balancer sends that copy requests again. Returns once it finds it ready, or at once."""

    def renew(self, box: str) -> None:
        """Stop a box and start it as the compose file, the app's folder and the variables have it now; wait until it
        is ready."""

    def set_copies(self, wanted: int, progress: Progress) -> None:
        """From now on `wanted` copies of the service stand: the first ones by number. Starts those that are missing and
        waits until they are ready; SIGTERM ends the others."""

    def set_variables(self, variables: Mapping[str, str | None]) -> None:
        """From now on the compose file is filled in with these too; one that is None is taken back. No box is touched:
        `renew` takes them up."""

    def heal(self) -> None:
        """Undo every fault in force and wait until all boxes are ready."""

    def faults(self) -> list[str]:
        """The faults in force, in words."""
