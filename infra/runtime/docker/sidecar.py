"""Helpers that run inside a box's network or process namespace, from the image `faults` (infra/images)."""

from __future__ import annotations

from dataclasses import dataclass

from infra.runtime.docker.cli import attempt, docker, failure
from infra.runtime.docker.containers import Container
from infra.runtime.docker.own_images import FAULTS

SIDECAR_LABEL = "system-design-lab.sidecar"


@dataclass(frozen=True)
class Sidecars:
    """The helpers of one project. All carry its label, so that `down` finds whichever is left."""

    project: str

    def once(self, options: list[str], script: str, *arguments: str) -> str:
        """Run a shell script in a helper that is gone afterwards; what it prints. Raises LabError with its words."""
        command = ["run", "--rm", "--user=0", *self._common(), *options, FAULTS.made(), "sh", "-ec", script, "sh"]
        done = attempt(*command, *arguments)
        if done.returncode != 0:
            raise failure("what the fault needs", (done.stderr or done.stdout).splitlines())
        return done.stdout

    def keep(self, name: str, options: list[str], command: list[str]) -> str:
        """Start a helper that stays; returns its id."""
        full = ["run", "--detach", "--user=0", f"--name={self._name(name)}", *self._common(), *options, FAULTS.made()]
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
