"""Which runtime a stage gets: the one that RUNTIME names, else docker when it can work here, else local; and why."""

from __future__ import annotations

from infra.errors import LabError
from infra.project import Project
from infra.runtime.protocol import Runtime


def choose(wanted: str | None) -> tuple[str, str]:
    """The runtime's name and the reason in words. `wanted` is RUNTIME's value; None lets the machine decide.

    Raises LabError for an unknown name or a docker that cannot work."""
    from infra.runtime.docker import engine

    if wanted not in (None, "", "local", "docker"):
        raise LabError(f"RUNTIME={wanted} is unknown. Use RUNTIME=local, RUNTIME=docker, or leave it out.")
    if wanted == "local":
        return "local", "RUNTIME=local asks for it"
    obstacle = engine.obstacle()
    if wanted == "docker":
        if obstacle:
            raise LabError(f"RUNTIME=docker cannot work here: {obstacle}. Mend that, or use RUNTIME=local.")
        return "docker", "RUNTIME=docker asks for it"
    return (
        ("local", obstacle) if obstacle else ("docker", "a Docker engine and Compose answer and the images can be had")
    )


def open_runtime(project: Project, name: str) -> Runtime:
    """The runtime `name` for that project. Raises LabError when the compose file cannot be read."""
    if name == "docker":
        from infra.runtime.docker.runtime import DockerRuntime

        return DockerRuntime(project)
    from infra.runtime.local.runtime import LocalRuntime

    return LocalRuntime(project)
