"""The local runtime: a stage of plain processes on 127.0.0.1. No daemon: the pid files' locks say what lives."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from infra import own_variables, state
from infra.app_stage import for_app
from infra.boxes.kinds import native
from infra.compose.box import Box
from infra.copies import with_copies
from infra.errors import LabError, NotSupported
from infra.interrupt import heard_once
from infra.project import COMPOSE_FILE, Project
from infra.runtime import drains
from infra.runtime.inner import RESTART, needs_undo, pid_file
from infra.runtime.local import disk
from infra.runtime.local import process_table as table
from infra.runtime.local.boxes import LocalBoxes
from infra.runtime.local.faults import Faults
from infra.runtime.local.launcher import Launcher
from infra.runtime.local.process import BoxProcess, Launch
from infra.runtime.ports import refuse_taken
from infra.runtime.protocol import BoxStatus, Progress
from infra.runtime.troubles import told
from infra.runtime.written import written_by
from infra.stage import Stage, read_stage


class LocalRuntime:
    """See Runtime. Boxes are detached processes; every link between two of them runs through the stage's relay."""

    name = "local"

    def __init__(self, project: Project, compose_file: Path = COMPOSE_FILE) -> None:
        """A compose file that cannot be read makes every verb but `down` raise LabError."""
        self.project = project
        self._compose_file = compose_file
        self._trouble: LabError | None = None
        self.stage: Stage = Stage(())
        self._read()
        self._faults = Faults(project)

    def _read(self) -> None:
        """Read what stands, or should, for this project and its app."""
        try:
            with told():
                self.stage = self._fitting()
        except LabError as error:
            self._trouble = error
        self.boxes = LocalBoxes(self.project, self.stage)

    def _fitting(self) -> Stage:
        project = self.project
        chosen = {"APP": str(project.app), "PORT": str(project.port), **project.variables}
        self._variables = {**os.environ, **own_variables.own_variables(project), **chosen}
        stage = read_stage(self._compose_file, project.stage_profiles, self._variables)
        for box in stage.boxes:
            native(box)
        return with_copies(for_app(stage, project.app), project.copies)

    def up(self, progress: Progress) -> None:
        """Stand the stage up and wait until every box is ready.

        On a stage that stands already it starts the boxes that do not run, a killed one too, and leaves every other
        fault in force, saying so. If it fails or is interrupted, whatever it started is taken down again."""
        self._readable()
        with told(), heard_once(), state.locked(self.project):
            before = {process.name for process in self._processes() if process.alive()}
            try:
                self._up(progress, before)
            except BaseException:
                self._take_back(before)
                raise

    def _up(self, progress: Progress, before: set[str]) -> None:
        if not before:
            state.clear(self.project)  # a reboot's or a crash's remains: completed steps, faults, logs
        state.save(self.project, self.name)
        if not before:
            if own_variables.renew_port(self.project):
                self._read()
            self.boxes.ports.drop_taken(frozenset())
        missing = [box for box in self.stage.boxes if self.boxes.state(box) in ("dead", "absent")]
        if before and not missing:
            progress("The stage is up already.")
        self._refuse_taken(missing)
        for box in missing:
            self._faults.end_of(box.name)
            if drains.is_balancer(box):
                drains.forget_all(self.project)
        if self._faults.all():
            progress(f"Still in force: {'; '.join(self.faults())}. `make heal` undoes it.")
            self._launch(missing, progress)
        else:
            self._launch(list(self.stage.boxes), progress if missing else lambda _: None)
            drains.settle(self.stage, self.address, self.stage.boxes)

    def _refuse_taken(self, boxes: list[Box]) -> None:
        """Before anything is started: each port that a learner chose must be free."""
        for port in (port.published for box in boxes for port in box.ports):
            if port is not None:
                refuse_taken(port, self.project.lab, own_variables.variable_of(port, self._variables))

    def _launch(self, boxes: list[Box], progress: Progress) -> None:
        """Start those of the boxes that do not run, and wait until all are ready."""
        self.boxes.start_relay()
        there = {box.name for box in self.stage.boxes if box not in boxes}
        launcher = Launcher(self.boxes.spawn, self.boxes.obstacle, self.boxes.check_alive, self.boxes.advice, progress)
        launcher.run(boxes, there)
        for box in boxes:
            self.boxes.spawn_afterwards(box)

    def _take_back(self, before: set[str]) -> None:
        if not before:
            self._down(volumes=False)
            return
        for process in self._processes():
            if process.name not in before:
                process.kill()

    def down(self, *, volumes: bool = False) -> None:
        """End every process of the project, whatever the compose file says by now, and forget its state."""
        with told(), state.locked(self.project):
            self._down(volumes=volumes)

    def _down(self, *, volumes: bool) -> None:
        for process in self._processes():
            if process.alive() and process.paused():
                process.send(signal.SIGCONT)
        with contextlib.suppress(LabError, OSError):  # a service drains faster when it can reach what it waits for
            self.boxes.heal_links()
        self.boxes.stop_all()
        for process in self._processes():
            if not process.name.startswith("."):  # a tool at work, or a box that the compose file has no more
                process.stop(signal.SIGTERM, 10.0, leader_only=True)
        for process in self._processes():
            process.kill()
        table.end_strays(self.project.folder / "boxes")
        for box in self.stage.boxes:
            self.boxes.tidy(box)
        # A stage without data needs its passwords no more.
        state.forget(self.project, volumes=volumes or not (self.project.folder / "volumes").exists())

    def _processes(self) -> list[BoxProcess]:
        """Everything that ever was started for this project, the relay and tools too; the relay last."""
        files = (self.project.folder / "boxes").glob("*.pid")
        return [BoxProcess(file) for file in sorted(files, key=lambda file: file.name.startswith("."))]

    def status(self) -> list[BoxStatus]:
        self._readable()
        return [self._status(box) for box in self.stage.boxes]

    def _status(self, box: Box) -> BoxStatus:
        now = self.boxes.state(box)
        address = f"127.0.0.1:{self.boxes.port(box)}" if box.ports and now != "absent" else None
        memory = self.boxes.process(box).memory() if now in ("running", "paused") else None
        obstacle = self.boxes.obstacle(box) if now == "running" else ""
        ready = now == "completed" or (now == "running" and not obstacle)
        detail = "; ".join([*self._faults.labels_of(box.name), *([obstacle] if obstacle else [])])
        return BoxStatus(box.name, now, ready, address, memory, detail)

    def logs(self, box: str, *, lines: int = 50) -> str:
        return self.boxes.tail(self._box(box), lines)

    def connect(self, box: str) -> list[str]:
        found = self._box(box)
        self._must_live(found)
        return self.boxes.kind(found).client(self.boxes.plan(found))

    def address(self, box: str, target: int | None = None) -> tuple[str, int]:
        return "127.0.0.1", self.boxes.port(self._box(box), target)

    def run(self, tool: str, arguments: Sequence[str] = (), *, stdin: Path | None = None) -> int:
        """Run the tool in the foreground, in the terminal's own session so that Ctrl-C reaches it."""
        return self._run(tool, arguments, stdin)

    def output(self, tool: str, arguments: Sequence[str] = ()) -> tuple[int, str]:
        return written_by(lambda said: self._run(tool, arguments, stdout=said))

    def _run(
        self, tool: str, arguments: Sequence[str], stdin: Path | None = None, stdout: IO[bytes] | None = None
    ) -> int:
        box = self._box(tool)
        state.must_stand(self.project)
        plan = self.boxes.plan(box, through_relay=False)
        kind = self.boxes.kind(box)
        command = kind.command(plan)
        if command is None:
            return 0
        for folder in plan.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        launch = Launch([*command, *arguments], plan.environment, kind.folder(plan), self.boxes.log(box))
        return self.boxes.process(box).run(launch, stdin, stdout)

    def kill(self, box: str) -> None:
        with self._at_work(box) as found:
            self._must_live(found)
            self._faults.end_of(found.name)
            self._faults.add(f"{found.name} was killed", "start", found.name)
            self.boxes.process(found).kill()

    def kill_process(self, box: str, process: str) -> None:
        with self._at_work(box) as found:
            self._must_live(found)
            file = self.boxes.place(found, pid_file(found, process))
            victim = self.boxes.process(found).member(file)
            if victim is None:
                raise LabError(f"No {process} runs in {found.name} now. See `lab logs {found.name}`.")
            if needs_undo(process):
                self._faults.add(f"{process} of {found.name} was killed", RESTART, found.name)
            self.boxes.process(found).kill_member(victim)

    def stop(self, box: str) -> None:
        with self._at_work(box) as found:
            self._must_live(found)
            self._faults.end_of(found.name)
            self._faults.add(f"{found.name} was stopped", "start", found.name)
            self.boxes.stop(found)

    def exit_code(self, box: str) -> int | None:
        return self.boxes.exit_code(self._box(box))

    def start(self, box: str) -> None:
        with self._at_work(box) as found:
            if self.boxes.state(found) == "paused":
                raise LabError(f"{found.name} is paused, not dead. Run `lab resume {found.name}`.")
            self._start(found)

    def _start(self, box: Box) -> None:
        ran = self.boxes.process(box).alive()
        try:
            self._launch([replace(box, depends_on={})], lambda _: None)
        except BaseException:
            if not ran:
                self.boxes.process(box).kill()
            raise
        if not ran:
            self._faults.end_of(box.name)
            if drains.is_balancer(box):
                drains.forget_all(self.project)
        drains.settle(self.stage, self.address, (box,))

    def restart(self, box: str) -> None:
        with self._at_work(box) as found:
            self._faults.add(f"{found.name} is being restarted", "start", found.name)
            self.boxes.stop(found)
            self._start(found)

    def renew(self, box: str) -> None:
        self.restart(box)  # each start reads the stage and the app's folder anew

    def pause(self, box: str) -> None:
        with self._at_work(box) as found:
            self._must_live(found)
            self._faults.add(f"{found.name} is paused", "resume", found.name)
            self.boxes.process(found).pause()

    def resume(self, box: str) -> None:
        with self._at_work(box) as found:
            self._must_live(found)
            self.boxes.process(found).send(signal.SIGCONT)
            self._faults.drop("resume", found.name)

    def cut(self, source: str, target: str) -> None:
        self._link(source, target, "no bytes pass between {} and {}", cut=True)

    def slow(self, source: str, target: str, delay: float) -> None:
        self._link(source, target, f"each direction between {{}} and {{}} takes {delay:g} s longer", delay=delay)

    def _link(
        self, source: str, target: str, label: str, *, cut: bool | None = None, delay: float | None = None
    ) -> None:
        with self._at_work(source) as first:
            second = self._box(target)
            relay = self.boxes.relay
            relay.between(first.name, second.name)
            self._faults.add(label.format(first.name, second.name), "heal", first.name, second.name)
            relay.set(first.name, second.name, cut=cut, delay=delay)

    def fill(self, box: str) -> None:
        with self._at_work(box) as found:
            self._must_live(found)
            if obstacle := self.boxes.kind(found).can_fill() or disk.obstacle():
                raise NotSupported(f"The disk of {found.name} cannot be filled in the local runtime: {obstacle}.")
            folders = list(self.boxes.plan(found).folders.values())
            self._faults.add(f"the disk of {found.name} is full", "heal", found.name)
            disk.limit(self.boxes.process(found), disk.largest_file(folders))

    def drain(self, copy: str) -> None:
        with self._at_work(copy) as found:
            self._must_live(found)
            drains.drain(self.project, self.stage, self.address, found)

    def admit(self, copy: str, *, wait: bool = True) -> None:
        with self._at_work(copy) as found:
            drains.admit(self.project, self.stage, self.address, found, wait=wait)

    def set_variables(self, variables: Mapping[str, str | None]) -> None:
        with self._at_work():
            self._become(self.project.with_variables(variables))

    def set_copies(self, wanted: int, progress: Progress) -> None:
        with self._at_work():
            before, stood = self.project, self.stage
            after = with_copies(stood, wanted)
            for box in (box for box in stood.boxes if box in after.resting):
                self._faults.add(f"{box.name} was stopped", "start", box.name)
                self.boxes.stop(box)
            self._become(replace(before, copies=wanted))
            try:
                self._launch([box for box in self.stage.boxes if box in stood.resting], progress)
            except BaseException:
                for box in stood.resting:
                    self.boxes.process(box).kill()
                self._become(before)
                raise
            drains.forget_resting(self.project, self.stage)

    def _become(self, project: Project) -> None:
        """The stage is that project's from now on."""
        state.save(project, self.name)
        self.project = project
        self._faults = Faults(project)
        self._read()

    def heal(self) -> None:
        """Undo every fault, start each box that does not run (one killed from outside too), and wait for all."""
        with self._at_work():
            for box in self.stage.boxes:
                process = self.boxes.process(box)
                if process.alive():
                    process.send(signal.SIGCONT)
                    disk.lift(process)
            self.boxes.heal_links()
            for fault in self._faults.all():
                if fault.undo == RESTART:
                    self.boxes.stop(self._box(fault.arguments[0]))
            self._launch(list(self.stage.boxes), lambda _: None)
            drains.admit_all(self.project, self.stage, self.address)
            drains.settle(self.stage, self.address, self.stage.boxes)
            self._faults.clear()

    def faults(self) -> list[str]:
        return [fault.label for fault in self._faults.all()]

    @contextlib.contextmanager
    def _at_work(self, box: str | None = None) -> Iterator[Box]:
        """Hold the stage for one verb. Raises LabError when none stands or there is no such box."""
        self._readable()
        found = self._box(box) if box is not None else self.stage.boxes[0]
        with told(), heard_once(), state.standing(self.project):
            yield found

    def _box(self, name: str) -> Box:
        self._readable()
        return self.stage.box(name)

    def _readable(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    def _must_live(self, box: Box) -> None:
        if not self.boxes.process(box).alive():
            how = "has done its work and ended" if self.boxes.completed(box) else "is not running"
            raise LabError(f"{box.name} {how}. `lab status` shows the boxes; `lab start {box.name}` starts a dead one.")
