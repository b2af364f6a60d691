"""Docker Compose for one project: its variables, the way up, and the way down, which needs no compose file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.boxes.procfile import shell_line
from infra.errors import LabError
from infra.own_variables import own_variables
from infra.procfile import read_procfile
from infra.project import COMPOSE_FILE, Project
from infra.runtime.docker import app, half_up, images
from infra.runtime.docker.child import follow
from infra.runtime.docker.cli import attempt, docker, failure
from infra.runtime.docker.containers import PROJECT_LABEL, containers, is_step
from infra.runtime.docker.own_images import PATRONI
from infra.runtime.docker.sidecar import SIDECAR_LABEL
from infra.runtime.protocol import Progress
from infra.stage import Box

_EVENT = re.compile(r"^ *(?:Container (\S+)|(\S+)) +(Pulling|Pulled|Healthy|Exited) *$")
_ROUTINE = re.compile(r"^ *(Container|Network|Volume) +\S+ +\w+ *$")
_SETTLING = 1.0  # seconds without a new container after which none comes any more
_COMMAND = re.compile(r"\$\{LAB_([A-Z]+)_COMMAND:-")
_FAILURES = {
    r"container PROJECT-(\S+)-\d+ exited \((\d+)\)": "{} ended with exit code {}",
    r"service \"(\S+)\" didn't complete successfully: exit (\d+)": "{} ended with exit code {}",
    r"container PROJECT-(\S+)-\d+ is unhealthy": "{} is not healthy",
}
_WORDS = {
    "Pulling": "is pulled (the first time only)",
    "Pulled": "is pulled",
    "Healthy": "is healthy",
    "Exited": "is done",
}


def variables(project: Project, kind: images.Kind) -> dict[str, str]:
    """The environment that fills docker-compose.yml in, and that `docker compose` itself runs in."""
    chosen = images.chosen(kind)
    own = {
        **chosen,
        "APP": str(project.app),
        "PORT": str(project.port),
        "LAB_APP_IMAGE": app.image_name(project.app, chosen["LAB_PYTHON_IMAGE"]),
        PATRONI.variable: PATRONI.name(chosen),
        "COMPOSE_ANSI": "never",
    }
    own |= {name: line for name, line in _commands(project.app).items() if name not in os.environ}
    # A learner's COMPOSE_FILE or COMPOSE_PROFILES would make another stage of this one.
    outer = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    return {**outer, **own_variables(project), **own, **project.variables}


def _commands(folder: Path) -> dict[str, str]:
    """`LAB_WORKER_COMMAND` and its like: what the app's Procfile has for each process that the compose file names so.

    An app without a `release` has nothing to do there."""
    processes = {"release": "true"} | read_procfile(folder)
    names = dict.fromkeys(_COMMAND.findall(COMPOSE_FILE.read_text()))
    return {f"LAB_{name}_COMMAND": shell_line(processes[name.lower()]) for name in names if name.lower() in processes}


def command(project: Project, *arguments: str, file: str = str(COMPOSE_FILE)) -> list[str]:
    """`docker compose ARGUMENTS` on that project, whichever folder it runs in. The file `-` is read from stdin."""
    chosen = [option for profile in sorted(project.stage_profiles) for option in ("--profile", profile)]
    read = ["--project-directory", str(COMPOSE_FILE.parent), "-f", file]
    return ["docker", "compose", *_quiet(arguments), "-p", project.name, *read, *chosen, *arguments]


def _quiet(arguments: Sequence[str]) -> list[str]:
    """A tool's own output is all that a learner wants to see of it."""
    return ["--progress=quiet"] if arguments[:1] == ("run",) else []


def change(project: Project, environment: Mapping[str, str], boxes: Sequence[Box]) -> str | None:
    """What `up` would have to mend or make anew, in words. None when every box runs (a step: is done) just as Compose
    would make it now, from its image as it is now, and no other container is there.

    Asking takes a tenth of a second; `up` would run the steps again."""
    found = containers(project.name)
    wanted = {box.name: "completed" if is_step(box) else "running" for box in boxes}
    for name in wanted | found:
        if name not in wanted:
            return f"{name} belongs to it no longer"
        if (state := found[name].state if name in found else "absent") != wanted[name]:
            return f"{name} is {state}"
    now = _hashes(project, environment)
    held = {image: _identifier(image) for image in {one.image for one in found.values()}}
    for name, one in found.items():
        if one.config_hash != now.get(name):
            return f"{name} is described in another way now"
        if one.image_id != held[one.image]:
            return f"{name} has another image now"
    return None


def _hashes(project: Project, environment: Mapping[str, str]) -> dict[str, str]:
    """By service, Compose's own hash of how `up` would make it now.

    `up` first forgets the optional dependencies that do not stand; `config --hash` (2.26) does not, so it is given the
    file without them."""

    def said(*words: str, file: str = str(COMPOSE_FILE), given: str = "") -> str:
        line = command(project, *words, file=file)
        return subprocess.run(
            line, env=dict(environment), input=given, capture_output=True, text=True, check=False
        ).stdout

    whole = json.loads(said("config", "--format", "json") or '{"services": {}}')
    for service in whole["services"].values():
        if "depends_on" in service:
            service["depends_on"] = {
                name: how for name, how in service["depends_on"].items() if name in whole["services"]
            }
    lines = said("config", "--hash", "*", file="-", given=json.dumps(whole)).splitlines()
    return dict(line.split() for line in lines if len(line.split()) == 2)


def _identifier(image: str) -> str:
    return attempt("image", "inspect", "--format", "{{.Id}}", image).stdout.strip()


def up(
    project: Project, kind: images.Kind, environment: Mapping[str, str], absent: Sequence[str], progress: Progress
) -> None:
    """`docker compose up --wait`, but for the boxes that are `absent` from this app's stage.

    Raises LabError with Compose's last lines and those of a box that failed."""
    told: set[str] = set()

    def each_line(line: str) -> None:
        event = _EVENT.match(line)
        if event is None:
            return
        box = re.sub(rf"^{re.escape(project.name)}-(.+)-\d+$", r"\1", event[1] or event[2])
        sentence = f"{box} {_WORDS[event[3]]}"
        if sentence not in told:
            told.add(sentence)
            progress(sentence)

    arguments = ["up", "--detach", "--wait", "--no-build", "--remove-orphans", *_images_and_absent(kind, absent)]
    code, output = follow(project, command(project, *arguments), environment=environment, each_line=each_line)
    if code != 0:
        raise _explained(project, output)


def put(
    project: Project, kind: images.Kind, environment: Mapping[str, str], boxes: Sequence[str], absent: Sequence[str]
) -> None:
    """Make the containers of those boxes anew, as the compose file has them now, and start them: no others.

    Not by `up --no-deps`: that leaves what a box depends on out of its container's hash, and the next `up` would take
    it for another one and make it anew."""
    _remove("rm", " ".join(one.id for name, one in containers(project.name).items() if name in boxes), "--force")
    arguments = ["create", "--no-recreate", "--no-build", *_images_and_absent(kind, absent)]
    code, output = follow(project, command(project, *arguments), environment=environment, each_line=lambda _: None)
    if code != 0:
        raise _explained(project, output)
    made = containers(project.name)
    docker("start", *(made[name].id for name in boxes if name in made), doing=f"the start of {', '.join(boxes)}")


def _images_and_absent(kind: images.Kind, absent: Sequence[str]) -> list[str]:
    """Options of `up` and `create`."""
    pull = "never" if kind == "stand-ins" else "missing"
    return ["--pull", pull, *(option for box in absent for option in ("--scale", f"{box}=0"))]


def _explained(project: Project, output: list[str]) -> LabError:
    """Compose's failure, with the log of the box that it names."""
    for pattern, what in _FAILURES.items():
        found = re.search(pattern.replace("PROJECT", re.escape(project.name)), "\n".join(output))
        if found:
            log = attempt("logs", "--tail=15", f"{project.name}-{found[1]}-1")
            lines = (log.stdout + log.stderr).strip().splitlines() or ["(nothing)"]
            said = "\n".join(f"    {line}" for line in lines)
            sentence = what.format(*found.groups())
            return LabError(f"The box {sentence}. Mend it and bring the stage up again. Its last lines:\n{said}")
    return failure("the start of the stage", [line for line in output if not _ROUTINE.match(line)])


def down(project: Project, *, volumes: bool) -> None:
    """Remove whatever carries the project's labels: containers, one-off runs and helpers, networks, volumes if asked.

    By label and not by file: it works when the file has changed, and after a command that was killed half-way. What is
    only half-way up is not asked to end in order, and the volumes that it created go with it."""
    boxes = f"label={PROJECT_LABEL}={project.name}"
    _sweep(project, boxes, volumes=volumes)
    # The engine may still be making a container for the command that was cut short: that one appears afterwards.
    settled = time.monotonic() + _SETTLING
    while half_up.is_half_up(project) and time.monotonic() < settled:
        if docker("ps", "-aq", "--filter", boxes):
            _sweep(project, boxes, volumes=volumes)
            settled = time.monotonic() + _SETTLING
        time.sleep(0.1)


def _sweep(project: Project, boxes: str, *, volumes: bool) -> None:
    doing = "the removal of the stage"
    _remove("rm", docker("ps", "-aq", "--filter", f"label={SIDECAR_LABEL}={project.name}", doing=doing), "--force")
    rows = docker("ps", "-a", "--filter", boxes, "--format", "{{.ID}} {{.State}}", doing=doing).splitlines()
    states = dict(row.split() for row in rows)
    if paused := [one for one, state in states.items() if state == "paused"]:
        attempt("unpause", *paused)
    running = [one for one, state in states.items() if state in ("running", "paused", "restarting")]
    if running and not half_up.is_half_up(project):
        attempt("stop", "--time=10", *running)
    _remove("rm", " ".join(states), "--force", "--volumes")
    _remove("network rm", docker("network", "ls", "-q", "--filter", boxes, doing=doing))
    unwanted = half_up.volumes(project) if volumes else half_up.worthless_volumes(project)
    _remove("volume rm", " ".join(unwanted))


def end_tool(project: Project, tool: str) -> None:
    """Whatever still runs of a one-off."""
    labels = {PROJECT_LABEL: project.name, "com.docker.compose.service": tool, "com.docker.compose.oneoff": "True"}
    chosen = [word for name, value in labels.items() for word in ("--filter", f"label={name}={value}")]
    _remove("rm", docker("ps", "-aq", *chosen, doing=f"the end of {tool}"), "--force", "--volumes")


def _remove(verb: str, ids: str, *options: str) -> None:
    if ids.split():
        docker(*verb.split(), *options, *ids.split(), doing="the removal of the stage")


def holder_of(port: int, project: Project) -> str | None:
    """The container that publishes that port, unless it is one of the project's own."""
    with contextlib.suppress(LabError):
        names = '{{.Names}}\t{{.Label "com.docker.compose.project"}}'
        for row in docker("ps", "--filter", f"publish={port}", "--format", names).splitlines():
            name, _, owner = row.partition("\t")
            if owner != project.name:
                return name
    return None
