"""A stage in containers: `docker compose` on docker-compose.yml as it stands, and faults by the engine's own means."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from infra import own_variables, state
from infra.app_stage import for_app
from infra.boxes.kinds import native
from infra.copies import with_copies
from infra.errors import LabError
from infra.interrupt import heard_once, undisturbed
from infra.procfile import read_procfile
from infra.project import COMPOSE_FILE, Project
from infra.runtime import drains
from infra.runtime.docker import app, compose, half_up, images
from infra.runtime.docker.child import end_leftover
from infra.runtime.docker.cli import attempt, docker
from infra.runtime.docker.containers import Container, containers, is_step, ready, tail
from infra.runtime.docker.faults import Faults
from infra.runtime.docker.memory import memory
from infra.runtime.docker.own_images import PATRONI
from infra.runtime.docker.ready import has_ended, wait_ready
from infra.runtime.ports import is_free, refuse_taken
from infra.runtime.protocol import BoxStatus, Progress
from infra.runtime.written import written_by
from infra.stage import Box, Stage, read_stage

_TOOLS_END = 10.0  # seconds that a tool has to end after Ctrl-C


class DockerRuntime:
    """See infra/runtime/protocol.py."""

    name = "docker"

    def __init__(self, project: Project) -> None:
        self.project = project

    # Read when a verb first asks: `down` needs neither the compose file nor the app's folder, and works without them.
    @functools.cached_property
    def stage(self) -> Stage:
        return with_copies(for_app(self._described, self.project.app), self.project.copies)

    @functools.cached_property
    def _described(self) -> Stage:
        """The stage of the compose file, whichever processes the app has."""
        return read_stage(COMPOSE_FILE, self.project.stage_profiles, self._environment)

    @functools.cached_property
    def _kind(self) -> images.Kind:
        return images.which()

    @functools.cached_property
    def _environment(self) -> dict[str, str]:
        return compose.variables(self.project, self._kind)

    @functools.cached_property
    def _faults(self) -> Faults:
        return Faults(self.project, self.stage)

    def up(self, progress: Progress) -> None:
        """Stand the stage up and wait until every box is ready.

        On a stage that stands already it starts the boxes that do not run, a killed one too, and leaves every other
        fault in force, saying so. If it fails or is interrupted, whatever it started is taken down again."""
        app.require_dockerfile(self.project.app)
        with state.locked(self.project), heard_once():
            end_leftover(self.project)
            if half_up.is_half_up(self.project):
                progress("an earlier start was cut short: what it left is taken down first")
                self._sweep(volumes=False)
            standing = self._standing()
            if not standing and own_variables.renew_port(self.project):
                self._read_anew()
            self._refuse_taken_port(standing)
            self._build(progress)
            try:
                self._stand_up(standing, progress)
            except BaseException:
                progress("that did not work out: what was begun is taken down")
                self._take_back(standing)
                raise

    def _read_anew(self) -> None:
        for name in ("stage", "_described", "_environment", "_faults"):
            self.__dict__.pop(name, None)

    def _standing(self) -> frozenset[str]:
        found = containers(self.project.name)
        return frozenset(name for name, one in found.items() if one.state in ("running", "paused"))

    def _build(self, progress: Progress) -> None:
        kind = "official images" if self._kind == "official" else "stand-in images, built on this machine"
        progress(f"the containers run {kind}")
        image, base = self._environment["LAB_APP_IMAGE"], self._environment["LAB_PYTHON_IMAGE"]
        app.build(self.project, image, base, self._environment, progress)
        if any(box.native.kind == "patroni" for box in self.stage.boxes):
            PATRONI.made()

    def _stand_up(self, standing: frozenset[str], progress: Progress) -> None:
        if not standing:
            state.clear(self.project)  # faults of a stage that a reboot ended
        state.save(self.project, self.name)
        if not standing:
            half_up.begin(self.project)
        for box in self.stage.boxes:
            if box.name not in standing:
                self._faults.end_of(box.name)
        if self.faults():
            progress(f"Still in force: {'; '.join(self.faults())}. `make heal` undoes it.")
            for box in self.stage.boxes:
                if box.name not in standing and not is_step(box):
                    self._start(box)
            return
        if standing:
            change = compose.change(self.project, self._environment, self.stage.boxes)
            if change is None:
                progress("it stands already, and nothing has changed")
                wait_ready(self.project, self.stage.boxes)
                return
            progress(f"it stands already, but {change}")
        compose.up(self.project, self._kind, self._environment, self._absent(), progress)
        # Compose has waited for the health checks; what the service itself says of the others is asked here.
        wait_ready(self.project, [box for box in self.stage.boxes if box.native.ready])
        drains.settle(self.stage, self.address, self.stage.boxes)
        half_up.end(self.project)

    def _absent(self) -> list[str]:
        """The boxes of the compose file that this stage lacks: the app has no such process, or the copy rests."""
        here = {box.name for box in self.stage.boxes}
        return [box.name for box in self._described.boxes if box.name not in here]

    def _put(self, boxes: Sequence[str]) -> None:
        compose.put(self.project, self._kind, self._environment, boxes, self._absent())

    def _take_back(self, standing: frozenset[str]) -> None:
        with contextlib.suppress(LabError):
            if not standing:
                self._sweep(volumes=False)
                return
            for name, one in containers(self.project.name).items():
                if name not in standing and one.state == "running":
                    attempt("kill", one.id)

    def _refuse_taken_port(self, standing: frozenset[str]) -> None:
        for box in self.stage.boxes:
            for port in box.ports:
                if port.published is None or box.name in standing or is_free(port.published):
                    continue
                variable = own_variables.variable_of(port.published, self._environment)
                holder = compose.holder_of(port.published, self.project)
                if holder:
                    raise LabError(
                        f"Port {port.published} is taken by the container {holder}. Stop it (`docker stop {holder}`),"
                        f" or choose another port: make lab-{self.project.lab} {variable}=…"
                    )
                refuse_taken(port.published, self.project.lab, variable)

    def down(self, *, volumes: bool = False) -> None:
        with state.locked(self.project), undisturbed():
            end_leftover(self.project)
            self._sweep(volumes=volumes)

    def _sweep(self, *, volumes: bool) -> None:
        compose.down(self.project, volumes=volumes)
        state.forget(self.project, volumes=volumes)
        if half_up.volumes(self.project):
            half_up.note_kept(self.project)

    def status(self) -> list[BoxStatus]:
        found = containers(self.project.name)
        used = memory(one.id for one in found.values() if one.state in ("running", "paused"))
        return [self._status(box, found.get(box.name), used) for box in self.stage.boxes]

    def _status(self, box: Box, one: Container | None, used: dict[str, int]) -> BoxStatus:
        if one is None:
            return BoxStatus(box.name, "absent", ready=False, address=None, memory=None)
        why = ready(box, one)
        now = "dead" if one.state == "completed" and not is_step(box) else one.state
        faults = [fault.label for fault in state.faults(self.project) if box.name in fault.arguments]
        reason = self._death(one) if now == "dead" else why if now == "running" else None
        detail = "; ".join([*faults, *([reason] if reason else [])])
        port = next((one.ports[port.target] for port in box.ports if port.target in one.ports), None)
        address = f"127.0.0.1:{port}" if port else None
        return BoxStatus(box.name, now, ready=why is None, address=address, memory=used.get(one.id), detail=detail)

    def _death(self, one: Container) -> str:
        return "killed: it needed more memory than its limit" if one.out_of_memory else f"ended with {one.exit_code}"

    def logs(self, box: str, *, lines: int = 50) -> str:
        return tail(self._container(box), lines)

    def connect(self, box: str) -> list[str]:
        found = self.stage.box(box)
        client = native(found).client_inside(found)
        terminal = ["-t"] if sys.stdin.isatty() else []
        return ["docker", "exec", "-i", *terminal, self._living(box).id, *client]

    def address(self, box: str, target: int | None = None) -> tuple[str, int]:
        found = self.stage.box(box)
        one = self._living(box)
        wanted = target if target is not None else next((port.target for port in found.ports), None)
        if wanted is None or wanted not in one.ports:
            raise LabError(f"{box} publishes no {'port' if wanted is None else f'port {wanted}'}. See `make status`.")
        return "127.0.0.1", one.ports[wanted]

    def run(self, tool: str, arguments: Sequence[str] = (), *, stdin: Path | None = None) -> int:
        return self._run(tool, arguments, stdin)

    def output(self, tool: str, arguments: Sequence[str] = ()) -> tuple[int, str]:
        return written_by(lambda said: self._run(tool, arguments, stdout=said))

    def _run(
        self, tool: str, arguments: Sequence[str], stdin: Path | None = None, stdout: IO[bytes] | None = None
    ) -> int:
        inside = [*self._inside(tool), *arguments]
        terminal = stdin is None and stdout is None and sys.stdin.isatty() and sys.stdout.isatty()
        quiet = [] if terminal else ["-T"]
        command = compose.command(self.project, "run", "--rm", "--no-deps", *quiet, self.stage.box(tool).name, *inside)
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(stdin.open("rb")) if stdin is not None else None
            read = source if source or terminal else subprocess.DEVNULL
            return self._to_its_end(tool, subprocess.Popen(command, env=self._environment, stdin=read, stdout=stdout))

    def _to_its_end(self, tool: str, child: subprocess.Popen[bytes]) -> int:
        try:
            return child.wait()
        except BaseException:  # Ctrl-C reached Compose too, which hands it on: the tool has a moment to end by itself
            with undisturbed():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_TOOLS_END)
                compose.end_tool(self.project, self.stage.box(tool).name)
                child.wait()
            raise

    def _inside(self, tool: str) -> list[str]:
        """The tool's command: its line of the app's Procfile, or that of its own image."""
        box = self.stage.box(tool)
        if box.native.process is None:
            return list(box.command)
        line = read_procfile(self.project.app).get(box.native.process)
        if line is None:
            raise LabError(f"{self.project.app / 'Procfile'} has no `{box.native.process}` line, so {tool} cannot run.")
        return ["sh", "-c", f'{line} "$@"', "sh"]

    def kill(self, box: str) -> None:
        with self._at_work(box) as found:
            self._faults.kill(found, self._living(box))

    def kill_process(self, box: str, process: str) -> None:
        with self._at_work(box) as found:
            self._faults.kill_process(found, self._living(box), process)

    def stop(self, box: str) -> None:
        with self._at_work(box) as found:
            self._faults.stop(found, self._living(box))

    def exit_code(self, box: str) -> int | None:
        one = self._container(box)
        return one.exit_code if has_ended(one) else None

    def start(self, box: str) -> None:
        with self._at_work(box) as found:
            if self._container(box).state == "paused":
                raise LabError(f"{found.name} is paused, not dead. Run `lab resume {found.name}`.")
            self._start(found)

    def _start(self, box: Box) -> None:
        self._faults.start(box, self._container(box.name))
        wait_ready(self.project, (box,))
        drains.settle(self.stage, self.address, (box,))

    def restart(self, box: str) -> None:
        with self._at_work(box) as found:
            one = self._container(box)
            if one.state in ("running", "paused"):
                self._faults.stop(found, one)
            self._start(found)

    def renew(self, box: str) -> None:
        with self._at_work(box) as found, heard_once():
            self._build(lambda _: None)
            one = containers(self.project.name).get(found.name)
            if one is not None and one.state in ("running", "paused"):
                self._faults.stop(found, one)
            self._put([found.name])
            wait_ready(self.project, (found,))
            self._faults.started(found)

    def pause(self, box: str) -> None:
        with self._at_work(box) as found:
            self._faults.pause(found, self._living(box))

    def resume(self, box: str) -> None:
        with self._at_work(box) as found:
            self._faults.resume(found, self._living(box))

    def cut(self, source: str, target: str) -> None:
        with self._at_work(source) as found:
            self._faults.cut(found, self.stage.box(target))

    def slow(self, source: str, target: str, delay: float) -> None:
        with self._at_work(source) as found:
            self._faults.slow(found, self.stage.box(target), delay)

    def fill(self, box: str) -> None:
        with self._at_work(box) as found:
            self._faults.fill(found, self._living(box))

    def drain(self, copy: str) -> None:
        with self._at_work(copy) as found, heard_once():
            self._living(copy)
            drains.drain(self.project, self.stage, self.address, found)

    def admit(self, copy: str, *, wait: bool = True) -> None:
        with self._at_work(copy) as found, heard_once():
            drains.admit(self.project, self.stage, self.address, found, wait=wait)

    def set_variables(self, variables: Mapping[str, str | None]) -> None:
        with self._at_work():
            self._become(self.project.with_variables(variables))

    def set_copies(self, wanted: int, progress: Progress) -> None:
        with self._at_work(), heard_once():
            before, stood = self.project, self.stage
            after = with_copies(stood, wanted)
            for box in (box for box in stood.boxes if box in after.resting):
                if (one := containers(self.project.name).get(box.name)) is not None:
                    self._faults.stop(box, one)
                    docker("rm", "--force", one.id, doing=f"the removal of {box.name}")
            self._become(replace(before, copies=wanted))
            coming = [box for box in self.stage.boxes if box in stood.resting]
            try:
                if coming:
                    self._put([box.name for box in coming])
                    wait_ready(self.project, coming)
            except BaseException:
                with contextlib.suppress(LabError):
                    for name, one in containers(self.project.name).items():
                        if name in {box.name for box in coming}:
                            attempt("rm", "--force", one.id)
                self._become(before)
                raise
            drains.forget_resting(self.project, self.stage)

    def _become(self, project: Project) -> None:
        """The stage is that project's from now on."""
        state.save(project, self.name)
        self.project = project
        self._read_anew()

    def heal(self) -> None:
        """Undo every fault, start whatever does not run (also if killed from outside), wait until all are ready."""
        with self._at_work():
            self._faults.heal()
            found = containers(self.project.name)
            gone = [box.name for box in self.stage.boxes if box.name not in found]  # a `renew` that was cut short
            if gone:
                self._put(gone)
            wait_ready(self.project, self.stage.boxes)
            drains.admit_all(self.project, self.stage, self.address)
            drains.settle(self.stage, self.address, self.stage.boxes)

    def faults(self) -> list[str]:
        return [fault.label for fault in state.faults(self.project)]

    @contextlib.contextmanager
    def _at_work(self, box: str | None = None) -> Iterator[Box]:
        """Hold the stage for one verb. Raises LabError when none stands or there is no such box."""
        found = self.stage.box(box) if box is not None else self.stage.boxes[0]
        with state.standing(self.project):
            yield found

    def _container(self, box: str) -> Container:
        name = self.stage.box(box).name
        found = containers(self.project.name).get(name)
        if found is None:
            raise LabError(f"{name} does not stand. Bring the stage up with `make lab-{self.project.lab}`.")
        return found

    def _living(self, box: str) -> Container:
        found = self._container(box)
        if found.state not in ("running", "paused"):
            how = "has done its work and ended" if is_step(self.stage.box(box)) else "is not running"
            raise LabError(
                f"{found.box} {how}. `lab status` shows the boxes; `lab start {found.box}` starts a dead one."
            )
        return found
