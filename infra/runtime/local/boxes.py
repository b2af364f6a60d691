"""The boxes of one local stage: where each listens, what it is started with, what it shows."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from infra import project as places
from infra.boxes.kinds import native
from infra.boxes.native import Entrance, NativeBox, Plan, Progress
from infra.compose.box import Box
from infra.errors import LabError
from infra.project import Project
from infra.runtime.local import process_table as table
from infra.runtime.local.environment import base_environment, native_environment
from infra.runtime.local.links import Link, Relay
from infra.runtime.local.process import BoxProcess, Launch
from infra.runtime.ports import Ports, refuse_taken
from infra.runtime.protocol import State
from infra.stage import Stage

# Run the command that follows, and leave its exit code in the file $0, in one step.
_TELL_EXIT_CODE = '"$@"; code=$?; echo $code >"$0.new" && mv "$0.new" "$0"; exit $code'


class LocalBoxes:
    """Everything that the local runtime knows about single boxes of a project's stage."""

    def __init__(self, project: Project, stage: Stage) -> None:
        self.project = project
        self.stage = stage

    @cached_property
    def ports(self) -> Ports:
        return Ports.read(self.project)

    @property
    def relay(self) -> Relay:
        return Relay(self.project)

    def process(self, box: Box) -> BoxProcess:
        return BoxProcess(self.project.folder / "boxes" / f"{box.name}.pid")

    def kind(self, box: Box) -> NativeBox:
        return native(box)

    def log(self, box: Box) -> Path:
        return self.project.folder / "logs" / f"{box.name}.log"

    def completed(self, box: Box) -> bool:
        return self._exit_code(box) == "0"

    def _exit_code(self, box: Box) -> str:
        """How a one-off ended; empty while it has not. It writes this itself, so the tool that started it may die."""
        with contextlib.suppress(FileNotFoundError):
            return self._exit_file(box).read_text().strip()
        return ""

    def _exit_file(self, box: Box) -> Path:
        return self.project.folder / "boxes" / f"{box.name}.exit"

    def port(self, box: Box, target: int | None = None) -> int:
        """Where on 127.0.0.1 the box's port `target` (its first, when None) is. Raises LabError when it has no such."""
        for declared in box.ports:
            if target in (None, declared.target):
                return declared.published or self.ports.get(f"{box.name}:{declared.target}")
        if target in box.exposed:
            return self.ports.get(f"{box.name}:{target}")
        if target is None:
            return self.ports.get(f"{box.name}:own")
        raise LabError(f"{box.name} has no port {target}. Its ports: {[port.target for port in box.ports]}.")

    def plan(self, box: Box, *, through_relay: bool = True) -> Plan:
        """What the box is made from. A tool reaches the others directly, a box of the stage through the relay."""
        folders = {mount.target: self._folder(mount.source) for mount in box.mounts}

        def locate(other: Box, port: int) -> int:
            return self.ports.get(_purpose(box.name, other.name, port)) if through_relay else self.port(other, port)

        environment = native_environment(box, self.stage.everyone, folders, locate)
        port = self.port(box)
        environment |= self.kind(box).variables(port)
        environment |= {table.MARK: str(self.process(box).pid_file)}
        return Plan(
            box=box,
            app=self.project.app.absolute(),
            port=port,
            environment=base_environment() | environment,
            folders=folders,
            work=self.project.folder / "work" / box.name,
            cache=places.LAB_HOME / "cache",
            ports={target: self.port(box, target) for target in (*(port.target for port in box.ports), *box.exposed)},
            entrances=self._entrances(box),
        )

    def _entrances(self, box: Box) -> tuple[Entrance, ...]:
        """A door for each link to a box that tells its clients where to go on."""
        if not self.kind(box).tells_addresses:
            return ()
        doors = [(source, port) for source, target, port in self.stage.links(of_all=True) if target == box.name]
        return tuple(
            Entrance(port, self._goal(source, box, port), self.ports.get(_purpose(source, box.name, port)))
            for source, port in doors
        )

    def _goal(self, source: str, target: Box, port: int) -> int:
        """Where the link from that box ends."""
        if self.kind(target).tells_addresses:
            return self.ports.get(f"{target.name}:{port} for {source}")
        return self.port(target, port)

    def place(self, box: Box, inside: str) -> Path:
        """Where on this machine a path inside the box is. Raises LabError when none of its mounts holds it."""
        for mount in box.mounts:
            if inside.startswith(mount.target.rstrip("/") + "/"):
                return self._folder(mount.source) / inside[len(mount.target) :].lstrip("/")
        raise LabError(f"{inside} is on no volume of {box.name}. Correct its x-local in docker-compose.yml.")

    def _folder(self, source: str) -> Path:
        return Path(source) if Path(source).is_absolute() else self.project.folder / "volumes" / source

    def links(self) -> list[Link]:
        """The stage's links, each with a port of its own at the relay, in the condition that they are in now."""
        now = {(link.source, link.target, link.port): link for link in self.relay.links()}
        boxes = {box.name: box for box in self.stage.everyone}
        wanted = []
        for source, target, port in self.stage.links(of_all=True):
            old = now.get((source, target, port))
            listen, goal = (
                self.ports.get(_purpose(source, target, port)),
                self._goal(source, boxes[target], port),
            )
            condition = (old.cut, old.delay) if old else (False, 0.0)
            wanted.append(Link(source, target, port, listen, goal, *condition))
        return wanted

    def start_relay(self) -> None:
        """Make the relay carry the stage's links; it need not listen yet when this returns."""
        links = self.links()
        if not links:
            return
        if not self.relay.process.alive():
            self.relay.write(links, self.ports.get("relay"))
            (self.project.folder / "logs").mkdir(exist_ok=True)
            self.relay.spawn(base_environment())
        elif links != self.relay.links():
            self.relay.change(links)

    def heal_links(self) -> None:
        """Let everything pass again on every link; a relay that does not run will when it is started."""
        healed = [replace(link, cut=False, delay=0.0) for link in self.relay.links()]
        if healed != self.relay.links():
            self.relay.write(healed, self.ports.get("relay"))
            if self.relay.process.alive():
                self.relay.change(healed)

    def spawn(self, box: Box, progress: Progress) -> bool:
        """Start the box if it does not run. False when there is nothing to wait for."""
        process = self.process(box)
        if process.alive():
            return True
        if self.completed(box):
            return False
        plan, kind = self.plan(box), self.kind(box)
        process.kill_strays()
        for port in box.ports:
            refuse_taken(self.port(box, port.target), self.project.lab)
        for folder in plan.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        kind.prepare(plan, progress)  # first, for it tells what takes long, such as Kafka's jars
        command = kind.command(plan)
        if command is None:
            self._exit_file(box).parent.mkdir(parents=True, exist_ok=True)
            self._exit_file(box).write_text("0")
            return False
        if box.step:
            self._exit_file(box).unlink(missing_ok=True)
            command = ["sh", "-c", _TELL_EXIT_CODE, str(self._exit_file(box)), *command]
        log = self.log(box)
        log.parent.mkdir(parents=True, exist_ok=True)
        process.spawn(Launch(command, plan.environment, kind.folder(plan), log))
        return True

    def spawn_afterwards(self, box: Box) -> None:
        """Once the box is ready: do in the background what makes its later starts quicker."""
        process = BoxProcess(self.project.folder / "boxes" / f".{box.name}-afterwards.pid")
        if not self.process(box).alive() or process.alive():
            return
        plan = self.plan(box)
        command = self.kind(box).afterwards(plan)
        if command is not None:
            log = self.project.folder / "logs" / f".{box.name}-afterwards.log"
            process.spawn(Launch(command, plan.environment, places.ROOT, log))

    def obstacle(self, box: Box) -> str:
        """Why the box is not ready, or a one-off not completed; empty when it is."""
        if self.relay.links() and not self.relay.process.alive():
            return "the relay is not running"
        if not box.step:
            return self.kind(box).obstacle(self.plan(box))
        return "" if self.completed(box) else "it is still at work"

    def check_alive(self, box: Box) -> None:
        """Raises LabError with the end of the log when the box ended instead of becoming ready."""
        if self.process(box).alive():
            return
        if box.step and self.completed(box):
            return
        ended = self._exit_code(box) or self.exit_code(box)
        code = f" with exit code {ended}" if ended else ""
        raise LabError(f"{box.name} ended{code} before it was ready. {self._end_of_log(box)}")

    def advice(self, box: Box) -> str:
        """What to do about a box that runs and does not become ready."""
        deaf = "got no answer" in self.obstacle(box)
        return ("Does it listen on 127.0.0.1, at the PORT of its environment? " if deaf else "") + self._end_of_log(box)

    def _end_of_log(self, box: Box) -> str:
        said = self.tail(box, 15).strip() or "(it wrote nothing)"
        ours = box.native.process is None  # a server that the kit brings, and no process of the app's
        place = "See `lab doctor` for what this machine lacks" if ours else f"Mend what it names in {self.project.app}"
        return f"The end of its log:\n{said}\n{place}, then run `make lab-{self.project.lab}` again."

    def exit_code(self, box: Box) -> int | None:
        """How the box ended, if this process started it: 128 and the signal's number for a signal."""
        code = self.process(box).exit_code()
        return 128 - code if code is not None and code < 0 else code

    def tail(self, box: Box, lines: int) -> str:
        with contextlib.suppress(FileNotFoundError), self.log(box).open(errors="replace") as log:
            return "".join(deque(log, maxlen=lines))
        return ""

    def state(self, box: Box) -> State:
        process = self.process(box)
        if process.alive():
            return "paused" if process.paused() else "running"
        if self.completed(box):
            return "completed"
        return "dead" if process.pid_file.exists() else "absent"

    def tidy(self, box: Box) -> None:
        """The box is down for good. What cannot be planned any more (a full disk, another file) has nothing to tidy."""
        with contextlib.suppress(LabError, OSError):
            self.kind(box).tidy(self.plan(box))

    def stop_all(self, seconds: float = 10.0) -> None:
        """Each ends before those it depends on; those that nobody waits for any more end at the same time."""
        left = list(self.stage.boxes)
        while left:
            needed = {name for box in left for name in box.depends_on}
            wave = [box for box in left if box.name not in needed]
            for box in wave:
                kind = self.kind(box)
                self.process(box).ask_to_end(kind.stop_signal, leader_only=kind.leader_only)
            deadline = time.monotonic() + seconds
            for box in wave:
                if not self.process(box).wait(max(0.0, deadline - time.monotonic())):
                    self.process(box).kill()
            left = [box for box in left if box not in wave]

    def stop(self, box: Box, seconds: float = 10.0) -> None:
        kind = self.kind(box)
        self.process(box).stop(kind.stop_signal, seconds, leader_only=kind.leader_only)


def _purpose(source: str, target: str, port: int) -> str:
    return f"{source} to {target}:{port}"
