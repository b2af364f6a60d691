"""The images that the kit makes itself, on an official one or on its stand-in: LAB_…_IMAGE names another one."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from infra.errors import LabError
from infra.project import ROOT
from infra.runtime.docker import images
from infra.runtime.docker.cli import attempt, failure

_FOLDER = ROOT / "infra" / "images"
_PATIENCE = 900.0  # seconds for a build, most of which is Debian's mirror


@dataclass(frozen=True)
class OwnImage:
    """`role` is its target in infra/images/Dockerfile; it is built on the image that the variable LAB_`base` names."""

    role: str
    base: str
    sources: tuple[str, ...]
    says: str  # what the learner is told while it is built

    @property
    def variable(self) -> str:
        return f"LAB_{self.role.upper()}_IMAGE"

    def name(self, chosen: Mapping[str, str]) -> str:
        """The one chosen, else one whose tag is a hash of what it is made from. `chosen` maps variables to images."""
        if self.variable in chosen:
            return chosen[self.variable]
        made_from = (chosen[f"LAB_{self.base}"].encode(), *((_FOLDER / source).read_bytes() for source in self.sources))
        return f"system-design-lab-{self.role}:{hashlib.sha256(b''.join(made_from)).hexdigest()[:16]}"

    def made(self) -> str:
        """The name of the image, which is there. Raises LabError when it cannot be built."""
        chosen = images.chosen(images.which())
        image = self.name(chosen)
        if attempt("image", "inspect", image).returncode != 0:
            print(f"  {self.says}", file=sys.stderr, flush=True)
            base = f"--build-arg={self.base}={chosen[f'LAB_{self.base}']}"
            done = attempt("build", f"--target={self.role}", f"--tag={image}", base, str(_FOLDER), seconds=_PATIENCE)
            if done.returncode != 0:
                raise LabError(f"{failure(f'the build of the {self.role} image', done.stderr.splitlines())}")
        return image


FAULTS = OwnImage(
    "faults",
    "PYTHON_IMAGE",
    ("Dockerfile", "delay.py"),
    "the tool that injects this fault is built (once, about half a minute) …",
)
PATRONI = OwnImage(
    "patroni",
    "POSTGRES_IMAGE",
    ("Dockerfile",),
    "Patroni and etcd are put beside Postgres into an image (once, about a minute) …",
)
