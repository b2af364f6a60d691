"""Which experiments each lab has; the first of a lab is the one that `lab break N` runs."""

from __future__ import annotations

import importlib

from infra.errors import LabError
from infra.experiment.experiment import Experiment

_MODULES = {
    1: "labs.lab1_file.experiments",
    2: "labs.lab2_postgres.experiments",
    3: "labs.lab3_cache_and_events.experiments",
    4: "labs.lab4_many_copies.experiments",
    5: "labs.lab5_failover.experiments",
}  # each has `experiments()`; read only when they are wanted


def experiments(lab: int) -> tuple[Experiment, ...]:
    """The lab's experiments, made anew: one of them may be run once. Raises LabError for a lab that has none yet."""
    if lab not in _MODULES:
        *others, last = map(str, _MODULES)
        known = f"{', '.join(others)} and {last}"
        raise LabError(f"Lab {lab} has no experiments yet. Labs {known} have: `lab break 1 --list`.")
    made: tuple[Experiment, ...] = importlib.import_module(_MODULES[lab]).experiments()
    return made


def experiment(lab: int, name: str | None) -> Experiment:
    """The experiment of that name, the lab's first without one. Raises LabError that lists the names there are."""
    known = experiments(lab)
    if name is None:
        return known[0]
    for candidate in known:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in known)
    raise LabError(f"Lab {lab} has no experiment {name}. It has: {names}. See `lab break {lab} --list`.")
