"""The copies behind lab 4's balancer: each at its own address, and what the balancer has of it. Lab 4."""

from __future__ import annotations

import re

from checks.plugin.service import Answer, NoAnswer, Service
from checks.plugin.stand import Stand
from infra.balancer import ADMIN_PORT, Balancer, Copy
from infra.copies import copies

_SAMPLE = re.compile(r"^(\w+)(?:\{[^}]*\})? (\S+)$", re.ASCII | re.MULTILINE)


def names(stand: Stand) -> list[str]:
    """Those that stand, by their number."""
    return [box.name for box in copies(stand.runtime.stage) if box not in stand.runtime.stage.resting]


def copy_at(stand: Stand, name: str, *, patient: bool = True) -> Service:
    """One copy at its own address, past the balancer. A copy that was started anew may have another one."""
    host, port = stand.runtime.address(name)
    return stand.service.at(f"http://{host}:{port}", patient=patient)


def every_copy(stand: Stand) -> dict[str, Service]:
    """Each of them at its own address."""
    return {name: copy_at(stand, name) for name in names(stand)}


def at_the_balancer(stand: Stand) -> dict[str, Copy]:
    """What the balancer has of each copy: whether it gets requests, and how many it got."""
    return Balancer(*stand.runtime.address("balancer", ADMIN_PORT)).copies()


def requests_of(stand: Stand) -> dict[str, int]:
    """How many requests the balancer has sent to each copy."""
    return {name: copy.requests for name, copy in at_the_balancer(stand).items()}


def metric(service: Service, name: str) -> float | None:
    """The sum of that metric's samples at GET /metrics; None when there is none, or no answer."""
    try:
        answer = service.get("/metrics")
    except NoAnswer:
        return None
    values = [float(match[2]) for match in _SAMPLE.finditer(answer.body.decode("utf-8", "replace")) if match[1] == name]
    return sum(values) if answer.status == 200 and values else None


def asked(service: Service, path: str) -> Answer | None:
    """The answer; None when none came."""
    try:
        return service.get(path)
    except NoAnswer:
        return None
