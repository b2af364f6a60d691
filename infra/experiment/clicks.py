"""The clicks that a service counted beside the redirects that its clients saw, link by link. From lab 3 on.

A redirect that a client saw is a click that must be counted once. One whose answer never came may have been sent: it
widens the range. A kill -9 of the service may cost the clicks that it had not handed on yet, those of its last 100 ms;
the clients know which these were, so that nothing else can hide behind the kill."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from infra.balancer import ASKS_AGAIN, TRIES
from infra.errors import LabError
from infra.experiment.keepalive import Connection, in_parallel
from infra.experiment.ledger import NOT_SENT, ask
from infra.experiment.timeline import ClickAudit, FaultSpan, Request

GRACE = 0.1  # seconds of clicks that a kill -9 of the service may cost
_REDIRECT = "GET /{id}"  # how the name of such a request begins
_QUIET = 1.0  # seconds without a change after which exact counts are final
_STILL = 15.0  # seconds without a change after which missing clicks are given up
_BOUND = 90.0  # seconds that counting may take in all
_STEP, _WIDEST = 0.05, 5.0  # seconds before a kill that are looked at to see where lost clicks may lie
_PAUSE = 0.1  # seconds between two looks

Lag = Callable[[], int | None]  # events that the worker has not taken yet; None when nobody can say


@dataclass
class Redirects:
    """What the clients saw, per link: the clicks that must be counted, those that may be, and those that a kill
    excuses. `kills` are the earliest moments at which the service can have been killed; `before` holds when each
    link's redirects before the last kill were answered, in order."""

    least: Counter[str]
    most: Counter[str]
    excused: Counter[str] = field(default_factory=Counter)
    ages: list[tuple[float, str]] = field(default_factory=list)  # seconds before its kill, and the link
    kills: list[float] = field(default_factory=list)
    before: dict[str, list[float]] = field(default_factory=dict)


def redirects(
    requests: Iterable[Request],
    faults: Iterable[FaultSpan] = (),
    boxes: Sequence[str] = ("app",),
    balancer: str = "",
) -> Redirects:
    """The redirects among `requests`; `faults` that killed one of the service's `boxes` excuse clicks.

    What got no answer while the only box that clients reach was dead was no redirect: a port that Docker publishes is
    open even then. A `balancer` before the boxes sends a GET again, so one answer may stand for several redirects."""
    faults = list(faults)
    kills = [fault for fault in faults if fault.kills in boxes]
    dead = _dead(faults, [balancer] if balancer else boxes)
    asked = [request for request in requests if request.name.startswith(_REDIRECT) and request.link_id]
    seen = [request for request in asked if request.status == 302]
    least = Counter(request.link_id for request in seen)
    perhaps = Counter(request.link_id for request in asked if _may_have_been_one(request, dead))
    if balancer:
        for request in asked:
            perhaps[request.link_id] += _sent_again(request, kills)
    found = Redirects(least, least + perhaps)
    for kill in kills:
        _excuse(found, seen, kill, alone=len(boxes) == 1)
    return found


def _dead(faults: Iterable[FaultSpan], boxes: Sequence[str]) -> list[tuple[float, float]]:
    """When nobody can have answered: from the end of a kill to the beginning of the start that follows."""
    if len(boxes) > 1:
        return []
    times, since = [], None
    for fault in sorted(faults, key=lambda fault: fault.start):
        if fault.kills in boxes:
            since = _over(fault)
        elif fault.starts in boxes and since is not None:
            times.append((since, fault.start))
            since = None
    return times


def _over(kill: FaultSpan) -> float:
    return kill.start + GRACE if kill.end is None else kill.end


def _may_have_been_one(request: Request, dead: Sequence[tuple[float, float]]) -> bool:
    if request.status is not None or request.error.startswith(NOT_SENT):
        return False
    return not any(since <= request.start and request.end <= until for since, until in dead)


def _sent_again(request: Request, kills: Iterable[FaultSpan]) -> int:
    """How many redirects a request may have been besides the one that its client saw: a copy that was too slow, or was
    killed on the way back, may have done its work as well as the one that the balancer asked next."""
    slow = int(request.seconds / ASKS_AGAIN)
    torn = any(kill.start <= request.end and request.start <= _over(kill) for kill in kills)
    return min(slow + torn, TRIES)


def _excuse(found: Redirects, seen: Sequence[Request], kill: FaultSpan, *, alone: bool) -> None:
    """The kill came after the fault began, and after the box was sent the last request that it answered. Whatever it
    may have answered later than 100 ms before that is excused. Each answer of several boxes says whose it is; one that
    does not may be anybody's."""
    before = [one for one in seen if one.start <= _over(kill) and (alone or one.copy in ("", kill.kills))]
    earliest = max([kill.start, *(one.start for one in before if alone or one.copy)])
    found.kills.append(earliest)
    found.excused.update(request.link_id for request in before if request.end >= earliest - GRACE)
    found.ages += [(earliest - one.end, one.link_id) for one in before if one.end >= earliest - _WIDEST]
    found.before.clear()
    for request in sorted(before, key=lambda request: request.end):
        found.before.setdefault(request.link_id, []).append(request.end)


def count_clicks(found: Redirects, address: tuple[str, int], lag: Lag = lambda: None) -> ClickAudit | None:
    """Ask the service at `address` for the `clicks` of each link until they stand still: exact ones for a second, with
    no event waiting; others until nothing has changed for 15 s. None when the service shows no clicks.

    Raises LabError when GET /links/{id} is not answered."""
    began = changed = time.monotonic()
    last: object = None
    while True:
        counted = _counts(address, sorted(found.most))
        if counted is None:
            return None
        waiting, now = lag(), time.monotonic()
        if (counted, waiting) != last:
            changed, last = now, (counted, waiting)
        result = compare(found, counted, changed - began)
        enough = _QUIET if result.exact and not waiting else _STILL
        if now - changed >= enough or now - began >= _BOUND:
            return result
        time.sleep(_PAUSE)


def compare(found: Redirects, counted: Mapping[str, int], settled: float = 0.0) -> ClickAudit:
    """What is lost and doubled of the links in `counted`."""
    lost = {link: max(0, found.least[link] - clicks) for link, clicks in counted.items()}
    return ClickAudit(
        seen=sum(found.least[link] for link in counted),
        possible=sum(found.most[link] - found.least[link] for link in counted),
        counted=sum(counted.values()),
        lost=sum(lost.values()),
        excused=sum(found.excused[link] for link in counted),
        lost_beyond=sum(max(0, missing - found.excused[link]) for link, missing in lost.items()),
        doubled=sum(max(0, clicks - found.most[link]) for link, clicks in counted.items()),
        settled=settled,
        reach=_reach(found, lost) if len(found.kills) == 1 else None,
        within=_within(found, lost),
    )


def _within(found: Redirects, lost: Mapping[str, int]) -> float | None:
    """The shortest time before the kills, in steps of 50 ms, that holds all the lost clicks; None when 5 s do not."""
    for step in range(1, round(_WIDEST / _STEP) + 1):
        held = Counter(link for age, link in found.ages if age <= step * _STEP)
        if all(missing <= held[link] for link, missing in lost.items()):
            return step * _STEP
    return None


def _reach(found: Redirects, lost: Mapping[str, int]) -> float:
    """How long before the last answer the oldest of the lost clicks was answered, if each link lost its last ones."""
    last = max((ends[-1] for ends in found.before.values()), default=0.0)
    ages = [0.0]
    for link, missing in lost.items():
        ends = found.before.get(link, [])
        if 0 < missing <= len(ends):
            ages.append(last - ends[-missing])
    return max(ages)


def _counts(address: tuple[str, int], links: Sequence[str]) -> dict[str, int] | None:
    """The clicks of each link that is there; None when a link is shown without `clicks`."""
    answers = in_parallel(address, links, _clicks)
    if None in answers:
        return None
    return {link: clicks for link, clicks in zip(links, answers, strict=True) if clicks is not None and clicks >= 0}


def _clicks(connection: Connection, link_id: str) -> int | None:
    """How often it was clicked, -1 for a link that is gone."""
    answer = ask(connection, f"/links/{link_id}")
    if answer is None or answer.status not in (200, 404):
        said = "nothing" if answer is None else str(answer.status)
        raise LabError(
            f"GET /links/{link_id} is answered {said} after the stage was healed, so the clicks cannot be compared. "
            "See `lab status` and `lab logs app`."
        )
    if answer.status == 404:
        return -1
    try:
        clicks = orjson.loads(answer.body)["clicks"]
    except (ValueError, KeyError, TypeError):
        return None
    return clicks if isinstance(clicks, int) else None
