"""A copy of the service is taken out of the balancer's turn, and let in again: the same in both runtimes (lab 4).

A drain is remembered as a fault is, before it acts: whoever is interrupted in the middle leaves what `heal` undoes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from infra import state
from infra.balancer import ADMIN_PORT, Balancer
from infra.compose.box import Box
from infra.copies import copies
from infra.errors import LabError
from infra.project import Project
from infra.stage import Stage
from infra.state import Fault

ADMIT = "admit"  # the undo verb: (copy, balancer)
_IN_FLIGHT = 6.0  # seconds that what is in flight may take: a request ends within 5
_NOTICED = 3.0  # seconds until a look at each copy has come round twice
_CHECKED = 10.0  # seconds until the balancer has found a copy ready

Address = Callable[[str, int], tuple[str, int]]  # where on this machine a box's port is


def is_balancer(box: Box) -> bool:
    return box.native.kind == "haproxy"


def balancer_of(stage: Stage, address: Address) -> Balancer:
    """Raises LabError when the stage has none."""
    box = next((box for box in stage.boxes if is_balancer(box)), None)
    if box is None:
        raise LabError("This stage has no balancer: copies of the service stand from lab 4 on. Try `make lab-4`.")
    return Balancer(*address(box.name, ADMIN_PORT))


def drain(project: Project, stage: Stage, address: Address, box: Box) -> None:
    """Send that copy no new request, and wait until those in flight have ended."""
    balancer = balancer_of(stage, address)
    _require_copy(stage, box)
    _remember(project, _fault(stage, box))
    balancer.set_state(box.name, "drain")
    if not balancer.wait_idle(box.name, _IN_FLIGHT):
        raise LabError(
            f"{box.name} still has requests in flight after {_IN_FLIGHT:g} s, though each should end within 5."
            f" It gets no new ones; `lab admit {box.name}` lets it in again."
        )


def admit(project: Project, stage: Stage, address: Address, box: Box, *, wait: bool = True) -> None:
    """Send that copy requests again; `wait` until the balancer has found it ready."""
    balancer = balancer_of(stage, address)
    _require_copy(stage, box)
    balancer.set_state(box.name, "ready")
    _forget(project, box.name)
    if wait and not balancer.wait_for(box.name, ("UP",), _CHECKED):
        found = balancer.copies()[box.name]
        raise LabError(
            f"The balancer does not find {box.name} ready within {_CHECKED:g} s ({found.state}, {found.check})."
            f" See `lab logs {box.name}`."
        )


def settle(stage: Stage, address: Address, boxes: Iterable[Box]) -> None:
    """Those of the boxes that are copies have just become ready: give the balancer a moment to find them so.

    A balancer that cannot be asked, or that does not reach a copy, is no reason to fail here."""
    known = [box.name for box in copies(stage) if box not in stage.resting]
    names = [box.name for box in boxes if box.name in known]
    if names:
        with contextlib.suppress(LabError):
            balancer = balancer_of(stage, address)
            for name in names:
                balancer.wait_for(name, ("UP", "DRAIN"), _NOTICED)


def admit_all(project: Project, stage: Stage, address: Address) -> None:
    """Undo every drain in force. A balancer that was started anew has forgotten them itself."""
    drained = {fault.arguments[0] for fault in state.faults(project) if fault.undo == ADMIT}
    for box in (box for box in copies(stage) if box.name in drained):
        admit(project, stage, address, box, wait=box not in stage.resting)


def forget_resting(project: Project, stage: Stage) -> None:
    """Copies that rest are no faults: nobody misses them. The balancer still has them drained; `admit` ends that."""
    names = {box.name for box in stage.resting}
    state.set_faults(project, [fault for fault in state.faults(project) if fault.arguments[0] not in names])


def forget_all(project: Project) -> None:
    """The balancer starts anew and knows nothing of what it was told."""
    state.set_faults(project, [fault for fault in state.faults(project) if fault.undo != ADMIT])


def _forget(project: Project, copy: str) -> None:
    left = [fault for fault in state.faults(project) if fault.undo != ADMIT or fault.arguments[0] != copy]
    state.set_faults(project, left)


def _remember(project: Project, fault: Fault) -> None:
    others = [other for other in state.faults(project) if other != fault]
    state.set_faults(project, [*others, fault])


def _fault(stage: Stage, box: Box) -> Fault:
    balancer = next(box.name for box in stage.boxes if is_balancer(box))
    return Fault(f"{box.name} is drained", ADMIT, (box.name, balancer))


def _require_copy(stage: Stage, box: Box) -> None:
    if box not in copies(stage):
        known = ", ".join(copy.name for copy in copies(stage) if copy not in stage.resting)
        raise LabError(f"{box.name} is no copy of the service, so the balancer sends it nothing. Copies: {known}.")
