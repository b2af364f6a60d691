"""Can Docker serve a stage on this machine? If not, why, in words that a learner understands."""

from __future__ import annotations

import re
import shutil
import subprocess

from infra.runtime.docker import images

OLDEST_ENGINE = (25, 0)  # the first that knows a health check's `start_interval`
OLDEST_COMPOSE = (2, 20)
_ANSWER = 10.0  # seconds that an engine may take to say its version; a healthy one takes 0.05
_PULL_ANSWER = 3.0  # seconds that the registry may take


def obstacle() -> str | None:
    """Why the docker runtime cannot work here, as half a sentence; None when it can.

    The registry is asked only for images that are not on the machine. Takes about 0.2 s; a mute registry adds 3 s."""
    if shutil.which("docker") is None:
        return "Docker is not installed (there is no `docker` command)"
    return _engine_obstacle() or _compose_obstacle() or _image_obstacle()


def _engine_obstacle() -> str | None:
    answer = _ask(["docker", "version", "--format", "{{.Server.Version}}"], _ANSWER)
    if answer is None:
        return f"the Docker engine did not answer within {_ANSWER:.0f} s"
    if answer.returncode != 0:
        if "permission denied" in answer.stderr.lower():
            return "you may not talk to the Docker engine (join the group `docker` and log in again, or use sudo)"
        return "no Docker engine answers (start Docker, then try again)"
    version = answer.stdout.strip()
    if _older(version, OLDEST_ENGINE):
        return f"the Docker engine is version {version} and the stages need {OLDEST_ENGINE[0]} or newer"
    return None


def _compose_obstacle() -> str | None:
    answer = _ask(["docker", "compose", "version", "--short"], _ANSWER)
    if answer is None or answer.returncode != 0:
        return "Docker Compose is missing (install Docker's compose plugin)"
    version = answer.stdout.strip()
    if _older(version, OLDEST_COMPOSE):
        return f"Docker Compose is version {version} and the stages need 2.20 or newer"
    return None


def _image_obstacle() -> str | None:
    for image in images.missing(images.chosen(images.which()).values()):
        answer = _ask(["docker", "manifest", "inspect", image], _PULL_ANSWER)
        if answer is None or answer.returncode != 0:
            return f"the image {image} is not here and no registry answers (infra/images/build makes stand-ins)"
    return None


def _ask(command: list[str], seconds: float) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return None


def _older(version: str, oldest: tuple[int, int]) -> bool:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < oldest
