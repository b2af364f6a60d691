"""Where one stage keeps its state: a project has a name, a folder below `.lab/`, an app folder and its variables."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPOSE_FILE = ROOT / "docker-compose.yml"
ALONE = frozenset({"lab-5-election", "lab-5-regions"})  # profiles whose boxes stand without those of their lab
MORE_COPIES = "-more-copies"  # ends the name of the profile of those copies that rest at first
LAB_HOME = Path(os.environ.get("LAB_HOME") or ROOT / ".lab").absolute()


def default_name(root: Path = ROOT) -> str:
    """A project name that two clones never share: the folder's name and six digits of its path's hash."""
    folder = re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-") or "lab"
    return f"{folder}-{hashlib.sha256(str(root).encode()).hexdigest()[:6]}"


@dataclass(frozen=True)
class Project:
    """What tells one stage from another on this machine.

    `lab` is 1 to 5; `profiles` are added to `lab-N` (an experiment's extra boxes); `app` is the folder with a Procfile;
    `port` is where the service is published; `variables` go to the compose file over those of the environment;
    `copies` is how many copies of the service are wanted (None: those of the lab's profile)."""

    name: str
    lab: int
    app: Path = ROOT / "shortener"
    port: int = 8000
    profiles: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)
    copies: int | None = None

    @property
    def alone(self) -> bool:
        """Whether it is a lesson's stage, which has none of its lab's own boxes."""
        return bool(self.profiles & ALONE)

    @property
    def stage_profiles(self) -> frozenset[str]:
        """The profiles of every box that may stand: the lab's, the copies that rest at first, those asked for."""
        if self.alone:
            return self.profiles
        return frozenset({f"lab-{self.lab}", f"lab-{self.lab}{MORE_COPIES}"}) | self.profiles

    def with_variables(self, changed: Mapping[str, str | None]) -> Project:
        """The same with these variables besides; one that is None is taken back."""
        known = {**self.variables, **changed}
        return replace(self, variables={name: value for name, value in known.items() if value is not None})

    @property
    def folder(self) -> Path:
        """State, logs, pid files and volumes of this project."""
        return LAB_HOME / self.name

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"
