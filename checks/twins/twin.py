"""A broken twin as its folder describes it: twin.toml says which lab, which checks reject it, in what words, why."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from checks.plugin.run import suite

CONSUMERS = ("worker", "toplist", "audit", "outbox")
BROKEN = Path(__file__).resolve().parent.parent / "broken"


@dataclass(frozen=True)
class Twin:
    """`says` is a part of the message that a learner gets; `why` says in one sentence what the mistake does."""

    name: str
    folder: Path
    lab: int
    rejected_by: tuple[str, ...]
    says: str
    why: str

    @property
    def consumes(self) -> bool:
        """Whether one of its consumers of events is not the kit's own."""
        lines = (self.folder / "Procfile").read_text().splitlines()
        return any(line.partition(":")[0] in CONSUMERS and line.endswith(" app.py") for line in lines)


def twins() -> list[Twin]:
    """Every folder in checks/broken with a Procfile or a twin.toml. Raises ValueError for one that lacks something."""
    folders = [path for path in sorted(BROKEN.iterdir()) if path.is_dir() and not path.name.startswith("_")]
    return [_read(folder) for folder in folders]


def _read(folder: Path) -> Twin:
    for file in ("twin.toml", "Procfile", "app.py"):
        if not (folder / file).is_file():
            raise ValueError(f"The twin {folder.name} has no {file}.")
    table = tomllib.loads((folder / "twin.toml").read_text())
    rejected_by = table["rejected_by"]
    names = (rejected_by,) if isinstance(rejected_by, str) else tuple(rejected_by)
    return Twin(folder.name, folder, table["lab"], names, table["says"], table["why"])


def checks_of(lab: int) -> list[str]:
    """The names of that lab's checks, read from the sources."""
    return list(_functions(lab))


def takes_a_standing_stage(lab: int, name: str) -> bool:
    """Whether that check of the lab asks for a stage as it stands, and for none of its own."""
    return {argument.arg for argument in _functions(lab)[name].args.args} - {"note"} <= {"stand", "service"}


@cache
def _functions(lab: int) -> dict[str, ast.FunctionDef]:
    files: list[Path] = []
    for path in suite(lab):
        files += sorted(path.glob("check_*.py")) if path.is_dir() else [path]
    trees = [ast.parse(file.read_text()) for file in files]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        one.name.removeprefix("check_").replace("_", "-"): one for one in functions if one.name.startswith("check_")
    }
