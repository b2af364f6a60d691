"""A project's containers as the engine sees them now: which box each is, its state, its ports, whether it is ready."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from infra.errors import LabError
from infra.runtime.docker.cli import attempt, docker
from infra.runtime.protocol import State
from infra.stage import Box

PROJECT_LABEL = "com.docker.compose.project"
_ANSWER = 5.0  # seconds that a box may take to say that it is ready


@dataclass(frozen=True)
class Container:
    """One container of the project. `ports` maps a port inside to the one published on 127.0.0.1; `config_hash` is
    Compose's own, of the service as it was when the container was made."""

    id: str
    box: str
    state: State
    exit_code: int
    ports: Mapping[int, int]
    ip: str
    health_test: tuple[str, ...]
    out_of_memory: bool
    config_hash: str
    image: str
    image_id: str


def containers(project: str) -> dict[str, Container]:
    """The project's containers by the box's name; a one-off run of a tool is none of them."""
    ids = docker("ps", "-aq", "--filter", f"label={PROJECT_LABEL}={project}", doing="look at the stage").split()
    if not ids:
        return {}
    # One may go between the two calls: whatever is still there counts.
    found = attempt("inspect", *ids)
    rows = json.loads(found.stdout or "[]")
    read = (_read(row) for row in rows if row["Config"]["Labels"].get("com.docker.compose.oneoff") != "True")
    return {container.box: container for container in read}


def _read(row: dict[str, Any]) -> Container:
    networks = row["NetworkSettings"]["Networks"].values()
    published = {
        int(inside.split("/")[0]): int(outside[0]["HostPort"])
        for inside, outside in (row["NetworkSettings"]["Ports"] or {}).items()
        if outside
    }
    return Container(
        id=row["Id"],
        box=row["Config"]["Labels"].get("com.docker.compose.service", row["Name"].lstrip("/")),
        state=_state(row["State"]),
        exit_code=row["State"]["ExitCode"],
        ports=published,
        ip=next((network["IPAddress"] for network in networks if network["IPAddress"]), ""),
        health_test=tuple((row["Config"].get("Healthcheck") or {}).get("Test") or ()),
        out_of_memory=row["State"]["OOMKilled"],
        config_hash=row["Config"]["Labels"].get("com.docker.compose.config-hash", ""),
        image=row["Config"]["Image"],
        image_id=row["Image"],
    )


def _state(state: dict[str, Any]) -> State:
    status = state["Status"]
    if status in ("paused", "running"):
        return "paused" if status == "paused" else "running"
    if status == "exited":
        return "completed" if state["ExitCode"] == 0 else "dead"
    return "absent" if status == "created" else "dead"


def ready(box: Box, container: Container | None) -> str | None:
    """Why the box is not ready, asked of the box itself just now; None when it is.

    With `x-local.ready` that path must answer 200 from outside; else the compose file's health check is run."""
    if container is None or container.state != "running":
        done = container is not None and container.state == "completed" and is_step(box)
        return None if done else "not running"
    if box.native.ready is not None:
        return _http_obstacle(box, container)
    kind, *command = container.health_test or ("NONE",)
    if kind not in ("CMD", "CMD-SHELL"):
        return None
    if kind == "CMD-SHELL":
        command = ["sh", "-c", *command]
    try:
        probe = attempt("exec", container.id, *command, seconds=_ANSWER)
    except LabError:
        return f"its health check did not end within {_ANSWER:.0f} s"
    return None if probe.returncode == 0 else "its health check fails"


def tail(container: Container, lines: int) -> str:
    """The last lines that the box wrote, to stdout or stderr, in the order it wrote them."""
    command = ["docker", "logs", f"--tail={lines}", container.id]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    return done.stdout


def is_step(box: Box) -> bool:
    """A box that runs once and is done, such as `migrate`, and no server."""
    return box.step


def _http_obstacle(box: Box, container: Container) -> str | None:
    port = next((container.ports[port.target] for port in box.ports if port.target in container.ports), None)
    if port is None:
        return "its port is not published"
    connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWER)
    try:
        connection.request("GET", box.native.ready or "/")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"{box.native.ready} does not answer ({error or type(error).__name__})"
    finally:
        connection.close()
    return None if status == 200 else f"{box.native.ready} answers {status}"
