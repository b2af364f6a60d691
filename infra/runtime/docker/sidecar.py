"""Helpers that run inside a box's network or process namespace, from the image `faults` (infra/images)."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass

from infra.errors import LabError
from infra.project import ROOT
from infra.runtime.docker import images
from infra.runtime.docker.cli import attempt, docker, failure
from infra.runtime.docker.containers import Container

SIDECAR_LABEL = "system-design-lab.sidecar"
_FOLDER = ROOT / "infra" / "images"
_SOURCES = ("Dockerfile", "delay.py")


@dataclass(frozen=True)
class Sidecars:
    """The helpers of one project. All carry its label, so that `down` finds whichever is left."""

    project: str

    def once(self, options: list[str], script: str, *arguments: str) -> str:
        """Run a shell script in a helper that is gone afterwards; what it prints. Raises LabError with its words."""
        command = ["run", "--rm", "--user=0", *self._common(), *options, tool_image(), "sh", "-ec", script, "sh"]
        done = attempt(*command, *arguments)
        if done.returncode != 0:
            raise failure("what the fault needs", (done.stderr or done.stdout).splitlines())
        return done.stdout

    def keep(self, name: str, options: list[str], command: list[str]) -> str:
        """Start a helper that stays; returns its id."""
        full = ["run", "--detach", "--user=0", f"--name={self._name(name)}", *self._common(), *options, tool_image()]
        return docker(*full, *command, doing="what the fault needs").strip()

    def end(self, name: str) -> None:
        """End the helper of that name. Fine when there is none."""
        attempt("rm", "--force", self._name(name))

    def _name(self, name: str) -> str:
        return f"{self.project}-sidecar-{name}"

    def _common(self) -> list[str]:
        return [f"--label={SIDECAR_LABEL}={self.project}", "--pull=never"]


def in_network(container: Container) -> list[str]:
    """Options for a helper that may change the packet rules of the box's network, and no other's."""
    return [f"--network=container:{container.id}", "--cap-add=NET_ADMIN"]


def among_processes(container: Container) -> list[str]:
    """Options for a helper that sees the box's processes and its volumes."""
    return [f"--pid=container:{container.id}", f"--volumes-from={container.id}:ro"]


def tool_image() -> str:
    """The tools' image: LAB_FAULTS_IMAGE, the stand-in, or one that is built here once on the official Python image.

    Raises LabError when it cannot be built."""
    chosen = images.chosen(images.which())
    if "LAB_FAULTS_IMAGE" in chosen:
        return chosen["LAB_FAULTS_IMAGE"]
    base = chosen["LAB_PYTHON_IMAGE"]
    digest = hashlib.sha256(base.encode() + b"".join((_FOLDER / name).read_bytes() for name in _SOURCES))
    image = f"system-design-lab-faults:{digest.hexdigest()[:16]}"
    if attempt("image", "inspect", image).returncode != 0:
        print("  the tool that injects this fault is built (once, about half a minute) …", file=sys.stderr, flush=True)
        command = ["build", "--target=faults", f"--tag={image}", f"--build-arg=PYTHON_IMAGE={base}", str(_FOLDER)]
        done = attempt(*command, seconds=600)
        if done.returncode != 0:
            raise LabError(f"{failure('the build of the faults image', done.stderr.splitlines())}")
    return image
