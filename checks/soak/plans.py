"""What the soak of a lab is: its load, the way in, and how often what is struck."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from checks.soak import strikes
from checks.soak.strikes import Strike
from infra.copies import copies, with_copies
from infra.errors import LabError
from infra.experiment.experiment import Load
from infra.own_variables import of_lab
from infra.project import COMPOSE_FILE, MORE_COPIES
from infra.stage import Stage, read_stage

Card = TypeVar("Card")
Dealt = Callable[[], Strike]

_VISITORS = Load(users=20, write_share=0.1, change_share=0.03, show_share=0.02, key_share=0.5)
_SHARES = {
    4: {"kill": 0.45, "pause": 0.2, "cut": 0.15, "slow": 0.08, "deploy": 0.06, "scale": 0.06},
    5: {
        "kill": 0.33,
        "pause": 0.2,
        "cut": 0.15,
        "slow": 0.08,
        "process": 0.08,
        "lead": 0.06,
        "lease": 0.02,  # some 22 s without a leader: about once in four minutes
        "deploy": 0.04,
        "scale": 0.04,
    },
}
_NO_LIMIT = {"RATE_LIMIT": "100000", "RATE_BURST": "100000"}  # all of the load comes from one client


@dataclass(frozen=True)
class Plan:
    """`shares` say how often each kind of strike comes, in proportion. `scales` are numbers of copies to go to."""

    lab: int
    load: Load
    boxes: tuple[str, ...]
    shares: Mapping[str, float]
    links: tuple[tuple[str, str], ...] = ()
    processes: tuple[tuple[str, str], ...] = ()  # (box, process): those that can be killed without the rest of the box
    scales: tuple[int, ...] = ()
    usual_copies: int = 1
    variables: Mapping[str, str] = field(default_factory=dict)


def plan(lab: int) -> Plan:
    """Raises LabError for a lab that has no soak."""
    if lab == 3:
        return Plan(3, _VISITORS, ("redis", "kafka", "worker", "postgres", "app"), {"kill": 0.75, "pause": 0.25})
    if lab in _SHARES:
        return _many_boxes(lab)
    raise LabError(f"Lab {lab} has no soak. Use LAB=3, LAB=4 or LAB=5.")


def _many_boxes(lab: int) -> Plan:
    """Every box and every link of the stage: the file that describes it says which there are."""
    profiles = frozenset({f"lab-{lab}", f"lab-{lab}{MORE_COPIES}"})
    whole = with_copies(read_stage(COMPOSE_FILE, profiles, of_lab(lab)), None)
    boxes = tuple(box.name for box in whole.boxes if not box.step)
    return Plan(
        lab=lab,
        load=replace(_VISITORS, targets=("balancer",)),
        boxes=boxes,
        shares=_SHARES[lab],
        links=_links(whole, boxes),
        processes=tuple((box.name, process) for box in whole.boxes for process in box.native.pid_files),
        scales=(2, 4, 5),
        usual_copies=len([box for box in copies(whole) if box.name in boxes]),
        variables=_NO_LIMIT,
    )


def _links(stage: Stage, boxes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    pairs = dict.fromkeys((source, target) for source, target, _ in stage.links())
    return tuple(pair for pair in pairs if set(pair) <= set(boxes))


def dealer(plan: Plan, dice: random.Random) -> Dealt:
    """Deals strikes by the plan's shares; none of a kind hits a box again before it has hit all the others."""
    boxes = {kind: _Deck(plan.boxes, dice) for kind in ("kill", "pause")}
    links = {kind: _Deck(plan.links, dice) for kind in ("cut", "slow")}
    processes = _Deck(plan.processes, dice)
    scales, versions = _Deck(plan.scales, dice), iter(range(2, 1_000_000))
    kinds, weights = list(plan.shares), list(plan.shares.values())

    def deal() -> Strike:
        kind = dice.choices(kinds, weights)[0]
        if kind == "deploy":
            return strikes.deploy(str(next(versions)))
        if kind == "scale":
            return strikes.scale(scales.draw(), plan.usual_copies)
        if kind == "lead":
            return strikes.hand_over()
        if kind == "lease":
            return strikes.outlast_lease()
        if kind == "process":
            return strikes.kill_process(*processes.draw())
        if kind in links:
            return (strikes.cut if kind == "cut" else strikes.slow)(*links[kind].draw())
        return (strikes.kill if kind == "kill" else strikes.pause)(boxes[kind].draw())

    return deal


class _Deck(Generic[Card]):
    """Cards in a random order, shuffled again when all are drawn."""

    def __init__(self, cards: Sequence[Card], dice: random.Random) -> None:
        self._cards, self._dice = tuple(cards), dice
        self._left: list[Card] = []

    def draw(self) -> Card:
        if not self._left:
            self._left = self._dice.sample(self._cards, k=len(self._cards))
        return self._left.pop()
