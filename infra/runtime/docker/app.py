"""The image of the service under study: built from APP's folder, anew only when its content has changed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from infra.errors import LabError
from infra.project import Project
from infra.runtime.docker.child import follow
from infra.runtime.docker.cli import attempt, failure
from infra.runtime.protocol import Progress

NAME = "system-design-lab-app"
FOLDER_LABEL = "system-design-lab.app"
_SKIPPED = frozenset({"__pycache__", ".git", ".venv", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
_STEP = re.compile(r"^#\d+ \[ *(\d+)/(\d+)\] (\w+ .*)$")


def require_dockerfile(app: Path) -> None:
    """Raises LabError when the docker runtime has nothing to build there."""
    if not (app / "Dockerfile").is_file():
        raise LabError(
            f"{app} has no Dockerfile, which the docker runtime builds. Write one, or use RUNTIME=local: it needs only"
            " the Procfile."
        )


def image_name(app: Path, base: str) -> str:
    """The image's name: its tag is a hash of every file below `app`, their modes, and the Python image below it."""
    digest = hashlib.sha256(base.encode())
    for path in _files(app):
        digest.update(f"\0{path.relative_to(app)}\0{path.lstat().st_mode & 0o111}\0".encode())
        digest.update(str(path.readlink()).encode() if path.is_symlink() else path.read_bytes())
    return f"{NAME}:{digest.hexdigest()[:16]}"


def _files(app: Path) -> list[Path]:
    found = []
    for folder, subfolders, names in os.walk(app):
        subfolders[:] = [name for name in subfolders if name not in _SKIPPED]
        found += [Path(folder, name) for name in names if not name.endswith(".pyc")]
    return sorted(path for path in found if path.is_symlink() or path.is_file())


def build(project: Project, image: str, base: str, environment: Mapping[str, str], progress: Progress) -> None:
    """Build `image` from the project's app folder unless the engine holds it. Raises LabError with the build's end."""
    if attempt("image", "inspect", image).returncode == 0:
        return
    progress("the service's image is built: the first time takes a minute, later only what changed")
    seen: set[str] = set()

    def step(line: str) -> None:
        match = _STEP.match(line)
        if match and match[0] not in seen:
            seen.add(match[0])
            progress(f"  step {match[1]} of {match[2]}: {match[3][:90]}")

    command = ["docker", "build", "--progress=plain", "--tag", image, "--build-arg", f"PYTHON_IMAGE={base}"]
    command += ["--label", f"{FOLDER_LABEL}={folder_key(project.app)}", str(project.app)]
    code, output = follow(project, command, environment=environment, each_line=step)
    if code != 0:
        raise failure(f"the build of {project.app / 'Dockerfile'}", output)
    _forget_older(project.app, image)


def _forget_older(app: Path, image: str) -> None:
    """Remove the images of the folder's earlier contents; docker keeps those that a stage still uses."""
    listed = attempt("images", "-q", "--no-trunc", "--filter", f"label={FOLDER_LABEL}={folder_key(app)}").stdout.split()
    kept = attempt("images", "-q", "--no-trunc", image).stdout.split()
    older = [one for one in listed if one not in kept]
    if older:
        attempt("image", "rm", *older)


def folder_key(app: Path) -> str:
    return hashlib.sha256(str(app).encode()).hexdigest()[:16]
