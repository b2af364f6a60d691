"""Which experiments each lab has; the first of a lab is the one that `lab break N` runs."""

from __future__ import annotations

from infra.errors import LabError
from infra.experiment.experiment import Experiment


def experiments(lab: int) -> tuple[Experiment, ...]:
    """The lab's experiments, made anew: one of them may be run once. Raises LabError for a lab that has none yet."""
    if lab == 1:
        from labs.lab1_file import experiments as lab1

        return lab1.experiments()
    if lab == 2:
        from labs.lab2_postgres import experiments as lab2

        return lab2.experiments()
    raise LabError(f"Lab {lab} has no experiments yet. Labs 1 and 2 have: `lab break 1 --list`.")


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
