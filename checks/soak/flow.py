"""Whether clicks reach the broker. Each copy of the service tells at /metrics what it has sent and what waits."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.copies import copies
from infra.errors import LabError
from infra.experiment.keepalive import Connection
from infra.runtime.protocol import Runtime

_PATIENCE = 30.0  # seconds until clicks arrive in Kafka again
_LOOK = 0.1  # seconds between two looks
_SENT = re.compile(rb'^click_events_total\{outcome="sent"\} (\S+)$', re.MULTILINE)
_WAITING = re.compile(rb"^click_events_waiting (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Clicks:
    """Those of one copy since it started."""

    sent: float
    waiting: float


def until_clicks_flow(stage: Runtime, is_over: Callable[[], bool]) -> None:
    """Until each copy that stands has sent what had waited, and something came after it. Or until the load has ended,
    for on a busy machine a start may take that long. Raises LabError when that does not come to pass."""
    for box in _standing(stage):
        give_up, goal = time.monotonic() + _PATIENCE, None
        while not is_over():
            now = read_clicks(stage.address(box))
            if now is not None and goal is None:
                goal = now.sent + now.waiting
            elif now is not None and goal is not None and now.sent > goal:
                break
            if time.monotonic() > give_up:
                raise LabError(
                    f"The clicks of {box} do not come into Kafka within {_PATIENCE:.0f} s. "
                    f"See `lab logs {box}` and `lab logs kafka`."
                )
            time.sleep(_LOOK)


def _standing(stage: Runtime) -> list[str]:
    return [box.name for box in copies(stage.stage) if box not in stage.stage.resting] or ["app"]


def read_clicks(address: tuple[str, int]) -> Clicks | None:
    """None while the copy does not tell."""
    try:
        with Connection(address, timeout=2.0) as connection:
            told = connection.ask("GET", "/metrics").body
    except OSError:
        return None
    sent, waiting = _SENT.search(told), _WAITING.search(told)
    return Clicks(float(sent[1]), float(waiting[1])) if sent and waiting else None
