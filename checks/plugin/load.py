"""Load and faults for a check: an experiment like those of `lab break`, its requests counted as the check's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed
from infra.errors import LabError, NotInTime, NotSupported
from infra.experiment.experiment import At, Experiment, Load, Timeline, run


def under_load(stand: Stand, load: Load, schedule: tuple[At, ...]) -> Timeline:
    """Run that load with those faults, heal, and audit. Raises LabError when no traffic came through."""
    experiment = Experiment(
        name="check",
        lab=stand.project.lab,
        question="",
        answers=(),
        right=lambda timeline: 0,
        load=load,
        schedule=schedule,
        explanation="",
    )
    timeline = run(experiment, stand.runtime, lambda _: None)
    stand.service.count += len(timeline.requests)
    return timeline


@contextmanager
def failing_as(did: str, expected: str, seen: Callable[[], str] = lambda: "") -> Iterator[None]:
    """What goes wrong with the stage in here is the service's failure, not the stage's; but not that the stage was too
    slow, or cannot do it. `seen` is told before it."""
    try:
        yield
    except (NotSupported, NotInTime):
        raise
    except LabError as error:
        raise CheckFailed(did=did, expected=expected, got=f"{seen()}{error}") from error
