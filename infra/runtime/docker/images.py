"""Which images the docker runtime uses: the official ones, or the stand-ins that infra/images/build makes where no
registry is reachable."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from typing import Literal

from infra.project import COMPOSE_FILE, ROOT

Kind = Literal["official", "stand-ins"]

STAND_INS_FILE = ROOT / "infra" / "images" / "stand-ins.env"
_DEFAULT = re.compile(r"\$\{(LAB_[A-Z]+_IMAGE):-([^}]*[:/][^}]*)\}")


def official() -> dict[str, str]:
    """Image variable to the official image that docker-compose.yml names as its default."""
    return dict(_DEFAULT.findall(COMPOSE_FILE.read_text()))


def stand_ins() -> dict[str, str]:
    """Image variable to its stand-in."""
    lines = (line.strip() for line in STAND_INS_FILE.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def missing(images: Iterable[str]) -> list[str]:
    """Those of the images that the engine does not hold; all of them where no engine answers."""
    names = sorted(set(images))
    asked = subprocess.run(
        ["docker", "image", "inspect", "--format", "held", *names], capture_output=True, text=True, check=False
    )
    if asked.returncode == 0:
        return []
    absent = {name.removesuffix(":latest") for name in re.findall(r"No such image: (\S+)", asked.stderr)}
    return [name for name in names if name.removesuffix(":latest") in absent] if absent else names


def which() -> Kind:
    """Stand-ins exist only where somebody built them; they serve unless the official images are there too."""
    ours, theirs = set(stand_ins().values()), set(official().values())
    absent = set(missing(ours | theirs))
    return "official" if not theirs & absent or ours & absent else "stand-ins"


def chosen(kind: Kind, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Image variable to the image a stage gets. A LAB_…_IMAGE of the learner's own environment wins."""
    environment = os.environ if environment is None else environment
    images = stand_ins() if kind == "stand-ins" else official()
    return {name: environment.get(name) or image for name, image in images.items()}
