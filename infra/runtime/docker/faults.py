"""The faults of a stage in containers, each written to the project's state before it acts, and taken back by `heal`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infra import state
from infra.errors import LabError, NotSupported
from infra.project import Project
from infra.runtime import drains
from infra.runtime.docker import disk, links
from infra.runtime.docker.cli import docker
from infra.runtime.docker.containers import Container, containers, is_step
from infra.runtime.docker.freezing import freeze
from infra.runtime.inner import RESTART, needs_undo, pid_file
from infra.stage import Box, Stage
from infra.state import Fault

_START, _RESUME = "start", "resume"


@dataclass(frozen=True)
class Faults:
    """What is broken on purpose in one project's stage. The project's lock is held by the caller."""

    project: Project
    stage: Stage

    def kill(self, box: Box, one: Container) -> None:
        self.end_of(box.name)
        self._begin(Fault(f"{box.name} was killed", _START, (box.name,)))
        docker("kill", "--signal=KILL", one.id, doing=f"the kill of {box.name}")

    def kill_process(self, box: Box, one: Container, process: str) -> None:
        file = pid_file(box, process)
        if needs_undo(process):
            self._begin(Fault(f"{process} of {box.name} was killed", RESTART, (box.name,)))
        script = 'read -r pid <"$0" && kill -KILL "$pid"'
        docker("exec", one.id, "sh", "-c", script, file, doing=f"the kill of {process} in {box.name}")

    def stop(self, box: Box, one: Container) -> None:
        self.end_of(box.name)
        self._begin(Fault(f"{box.name} was stopped", _START, (box.name,)))
        if one.state == "paused":
            docker("unpause", one.id, doing=f"the resuming of {box.name}")
        docker("stop", "--time=10", one.id, doing=f"the stop of {box.name}")

    def start(self, box: Box, one: Container) -> None:
        """Start the dead box. Its links stay as cut or slow as they were."""
        docker("start", one.id, doing=f"the start of {box.name}")
        self.started(box)

    def started(self, box: Box) -> None:
        """The box runs anew."""
        self.end_of(box.name)
        if drains.is_balancer(box):
            drains.forget_all(self.project)
        self._reinstall(box.name)

    def pause(self, box: Box, one: Container) -> None:
        if one.state == "paused":
            return
        fault = Fault(f"{box.name} is paused", _RESUME, (box.name,))
        self._begin(fault)
        try:
            freeze(one, box.name)
        except LabError:
            self._end(lambda other: other == fault)
            raise

    def resume(self, box: Box, one: Container) -> None:
        if one.state == "paused":
            docker("unpause", one.id, doing=f"the resuming of {box.name}")
        self._end(lambda fault: fault.undo == _RESUME and fault.arguments == (box.name,))

    def cut(self, source: Box, target: Box) -> None:
        self._require_link(source, target)
        label = f"no bytes pass between {source.name} and {target.name}"
        self._on_link(Fault(label, links.CUT, (source.name, target.name)))

    def slow(self, source: Box, target: Box, delay: float) -> None:
        self._require_link(source, target)
        label = f"each direction between {source.name} and {target.name} takes {delay:g} s longer"
        self._on_link(Fault(label, links.SLOW, (source.name, target.name, f"{delay:g}")))

    def fill(self, box: Box, one: Container) -> None:
        folders = [mount.target for mount in box.mounts if not mount.read_only]
        if not folders:
            raise NotSupported(f"{box.name} keeps no files, so its disk cannot be full. Try a box with a volume.")
        fault = Fault(f"the disk of {box.name} is full", disk.FILL, (box.name,))
        self._begin(fault)
        try:
            disk.fill(self.project.name, one, folders)
        except LabError:
            self._end(lambda other: other == fault)
            raise

    def end_of(self, box: str) -> None:
        """The box ends or starts anew: what was done to its processes is over. The faults of its links stay."""
        self._end(lambda fault: fault.arguments == (box,))

    def heal(self) -> None:
        """Take back every fault, the last one first, and start whatever else is dead or paused."""
        for fault in reversed(state.faults(self.project)):
            if fault.undo != drains.ADMIT:  # once the balancer answers
                self._take_back(fault)
        for box in self.stage.boxes:
            one = containers(self.project.name).get(box.name)
            if one is not None and not is_step(box):
                self._revive(box.name, one)

    def _take_back(self, fault: Fault) -> None:
        """Play one undo, then forget the fault. A box that is gone or dead has nothing left to undo."""
        found = containers(self.project.name)
        one = found.get(fault.arguments[0])
        left = [other for other in state.faults(self.project) if other != fault]
        if fault.undo in (links.CUT, links.SLOW):
            links.install(self.project.name, fault.arguments[0], left, found)
        elif one is not None and fault.undo == disk.FILL:
            if one.state in ("running", "paused"):
                disk.unfill(self.project.name, one)
        elif one is not None and fault.undo == RESTART:
            docker("restart", "--time=10", one.id, doing=f"the restart of {fault.arguments[0]}")
            self._reinstall(fault.arguments[0])
        elif one is not None:
            self._revive(fault.arguments[0], one)
        state.set_faults(self.project, left)

    def _revive(self, box: str, one: Container) -> None:
        if one.state == "paused":
            docker("unpause", one.id, doing=f"the resuming of {box}")
        elif one.state != "running":
            docker("start", one.id, doing=f"the start of {box}")
            self._reinstall(box)

    def _on_link(self, fault: Fault) -> None:
        """Put the link's fault in the place of one of the same kind; when it cannot be put in force, it is not."""
        before = [
            other
            for other in state.faults(self.project)
            if other.undo != fault.undo or set(other.arguments[:2]) != set(fault.arguments[:2])
        ]
        source = fault.arguments[0]
        state.set_faults(self.project, [*before, fault])
        try:
            self._install(source)
        except LabError:
            state.set_faults(self.project, before)
            self._install(source)
            raise

    def _install(self, source: str) -> None:
        found = containers(self.project.name)
        links.install(self.project.name, source, state.faults(self.project), found)

    def _reinstall(self, box: str) -> None:
        """A box that was started has a new network namespace and perhaps a new address: its links are broken anew."""
        broken = [fault for fault in state.faults(self.project) if fault.undo in (links.CUT, links.SLOW)]
        for source in dict.fromkeys(fault.arguments[0] for fault in broken if box in fault.arguments):
            self._install(source)

    def _require_link(self, source: Box, target: Box) -> None:
        pairs = [(one, other) for one, other, _ in self.stage.links()]
        if not any({source.name, target.name} == set(pair) for pair in pairs):
            known = ", ".join(f"{one} {other}" for one, other in pairs) or "none"
            raise LabError(
                f"There is no link between {source.name} and {target.name}. The links of this stage: {known}."
            )

    def _begin(self, fault: Fault) -> None:
        """Written down before it acts; once, however often it is done."""
        others = [other for other in state.faults(self.project) if other != fault]
        state.set_faults(self.project, [*others, fault])

    def _end(self, over: Callable[[Fault], bool]) -> None:
        state.set_faults(self.project, [fault for fault in state.faults(self.project) if not over(fault)])
