"""A small service, projects that nobody else has, and a look at what the engine still holds of one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from checks.matrix.stage_fixture import free_port
from infra.project import ROOT, Project, default_name
from infra.runtime.docker.containers import PROJECT_LABEL
from infra.runtime.docker.runtime import DockerRuntime
from infra.runtime.docker.sidecar import SIDECAR_LABEL

APP = Path(__file__).parent / "app"
Play = Callable[[str], None]  # puts a `docker` on the PATH that runs that script


def docker(*arguments: str) -> str:
    """What docker prints; its failure fails the test."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def project(purpose: str, lab: int, app: Path = APP) -> Project:
    return Project(f"{default_name()}-{purpose}-{os.getpid()}", lab=lab, app=app, port=free_port())


def left_behind(name: str) -> list[str]:
    """Containers, helpers, networks and volumes of that project that the engine still holds."""
    found = []
    for label in (PROJECT_LABEL, SIDECAR_LABEL):
        only = ("--filter", f"label={label}={name}")
        found += docker("ps", "-a", *only, "--format", "container {{.Names}}").splitlines()
        found += docker("network", "ls", *only, "--format", "network {{.Name}}").splitlines()
        found += docker("volume", "ls", *only, "--format", "volume {{.Name}}").splitlines()
    return found


def ask(project: Project, path: str, body: bytes | None = None) -> tuple[int, str, float]:
    """Status, text and seconds of one request to the stage's service."""
    began = time.monotonic()
    connection = HTTPConnection("127.0.0.1", project.port, timeout=5)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), time.monotonic() - began
    finally:
        connection.close()


def lab(project: Project, *words: str) -> subprocess.Popen[str]:
    """The `lab` command at work on that project, in a process group of its own as under a terminal."""
    own = {"PROJECT": project.name, "PORT": str(project.port), "APP": str(project.app), "RUNTIME": "docker"}
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli", *words],
        cwd=ROOT,
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def standing(project: Project) -> DockerRuntime:
    """The project's stage, brought up."""
    runtime = DockerRuntime(project)
    runtime.up(lambda _: None)
    return runtime
