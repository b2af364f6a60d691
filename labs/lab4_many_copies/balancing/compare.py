"""One load after the other over HAProxy, each with another way to choose among copies of which one is slow. Lab 4."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from infra.balancer import ADMIN_PORT, Balancer
from infra.errors import LabError
from infra.experiment.healing import healed_afterwards
from infra.experiment.timeline import percentile
from infra.interrupt import undisturbed
from infra.runtime.protocol import Progress, Runtime
from labs.lab4_many_copies.balancing.paced import Pace, Redirect, follow
from labs.lab4_many_copies.new_links import make

ALGORITHMS = {"round-robin": "roundrobin", "least connections": "leastconn", "consistent hash": "uri"}
LINKS = 100
_BALANCER = "balancer"
_UP = 10.0  # seconds until the balancer has looked at every copy


@dataclass(frozen=True)
class Uneven:
    """Which copy is slow, by how many seconds in each direction of its link to the balancer, and the load."""

    slow: str
    delay: float
    pace: Pace


@dataclass(frozen=True)
class Run:
    """What became of one load."""

    algorithm: str
    redirects: Sequence[Redirect]

    @cached_property
    def answered(self) -> list[Redirect]:
        return [redirect for redirect in self.redirects if redirect.copy]

    @property
    def failed(self) -> int:
        return len(self.redirects) - len(self.answered)

    def share(self, copy: str) -> float:
        return Counter(redirect.copy for redirect in self.answered)[copy] / len(self.answered)

    def percentile(self, share: float) -> float:
        """Of all of them, those that failed too: whoever got no answer waited for it."""
        return percentile([redirect.seconds for redirect in self.redirects], share) or 0.0

    @cached_property
    def copies_a_link_met(self) -> float:
        """The mean over the links that were followed ten times or more."""
        met: dict[str, list[str]] = {}
        for redirect in self.answered:
            met.setdefault(redirect.link, []).append(redirect.copy)
        numbers = [len(set(copies)) for copies in met.values() if len(copies) >= 10]
        return sum(numbers) / len(numbers) if numbers else 0.0


def compare(stage: Runtime, uneven: Uneven, progress: Progress) -> list[Run]:
    """Each algorithm in its turn. However it ends, the balancer chooses as before and the slow copy is healed."""
    copies = names_of_copies(stage)
    if uneven.slow not in copies:
        raise LabError(f"{uneven.slow} is no copy that stands. There are {', '.join(copies)}.")
    links = make(stage.address(copies[0]), seconds=1.0).ids[:LINKS]
    progress(f"{len(links)} links made, for the visitors to follow")
    runs = []
    with _chosen_as_before(stage):
        for name, balance in ALGORITHMS.items():
            _choose_by(stage, balance, copies)
            with healed_afterwards(stage, None):
                stage.slow(_BALANCER, uneven.slow, uneven.delay)
                runs.append(Run(name, follow(stage.address(_BALANCER), links, uneven.pace)))
            progress(f"{name}: {len(runs[-1].redirects):,} redirects")
    return runs


def names_of_copies(stage: Runtime) -> list[str]:
    """Raises LabError for a stage without a balancer."""
    if not any(_BALANCER in box.names for box in stage.stage.boxes):
        raise LabError("This stage has no balancer: copies of the service stand from lab 4 on. Try `make lab-4`.")
    return [name for name, copy in _admin(stage).copies().items() if copy.state == "UP"]


@contextlib.contextmanager
def _chosen_as_before(stage: Runtime) -> Iterator[None]:
    before = stage.stage.box(_BALANCER).environment["BALANCE"]
    try:
        yield
    finally:
        with undisturbed():
            stage.set_variables({"BALANCE": None})
            if stage.stage.box(_BALANCER).environment["BALANCE"] != before:  # it was not the usual one then
                stage.set_variables({"BALANCE": before})
            stage.renew(_BALANCER)


def _choose_by(stage: Runtime, balance: str, copies: Sequence[str]) -> None:
    """HAProxy takes up another algorithm only when it starts, and takes every copy for ready then: the load must wait
    until it has found out that those that rest are not."""
    stage.set_variables({"BALANCE": balance})
    stage.renew(_BALANCER)
    admin = _admin(stage)
    for copy in admin.copies():
        stands = copy in copies
        if not admin.wait_for(copy, ("UP",) if stands else ("DOWN", "MAINT"), _UP):
            found = "does not find" if stands else "still finds"
            raise LabError(f"The balancer {found} {copy} ready. See `lab status` and `lab logs {_BALANCER}`.")


def _admin(stage: Runtime) -> Balancer:
    return Balancer(*stage.address(_BALANCER, ADMIN_PORT))
