"""Another node comes to lead: forced, because the leader is dead, or planned. What happens when is watched. Lab 5."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

from infra.errors import LabError, NotInTime
from infra.failover.cluster import connected, leader_of, look
from infra.failover.leader_key import LeaderKey
from infra.failover.patroni import nodes, tell
from infra.runtime.protocol import Runtime

PATIENCE = 60.0  # seconds until another one leads: the lease of 20 s, and a busy machine
_GLANCE = 0.01


@dataclass(frozen=True)
class Change:
    """Who led and who leads; when, on the monotonic clock, it `began`, the lease was `free` (None: it never was seen
    so, as in a switchover it may be handed over between two looks), and the new leader was `promoted`."""

    old: str
    new: str
    began: float
    free: float | None
    promoted: float


def fail_over(runtime: Runtime, *, fenced: bool) -> Change:
    """Kill the leader's host and wait until another node leads. `fenced`: its lease is taken from it, since we know
    that it is dead, having killed it. Raises NotInTime when no other one comes to lead."""

    def kill(leader: str) -> None:
        runtime.kill(leader)
        if fenced:
            with contextlib.closing(LeaderKey(runtime)) as key:
                key.take_from(leader)

    return awaited(runtime, kill)


def awaited(runtime: Runtime, strike: Callable[[str], None]) -> Change:
    """Do that to the leader and wait until another node leads. Raises NotInTime when none comes to, or the lead moves
    before."""
    old = leader_of(runtime)
    _require_successor(runtime, old)
    with contextlib.closing(LeaderKey(runtime)) as key:
        _require_lead(key, old)
        began = time.monotonic()
        strike(old)
        return _watched(runtime, key, old, began)


def switch_over(runtime: Runtime) -> Change:
    """Hand the lead over to a node that has everything, in order. Raises LabError when Patroni refuses, and NotInTime
    as `awaited` does."""
    old = leader_of(runtime)
    _require_successor(runtime, old)
    with contextlib.closing(LeaderKey(runtime)) as key, ThreadPoolExecutor(1) as aside:
        _require_lead(key, old)
        began = time.monotonic()
        asked = aside.submit(tell, runtime, old, "POST", "/switchover", {"leader": old}, PATIENCE)
        return _watched(runtime, key, old, began, asked)


def set_synchronous(runtime: Runtime, wanted: bool) -> None:
    """From now on a commit waits for another node, or for none. Returns once the leader's Postgres does so."""
    leader = leader_of(runtime)
    tell(runtime, leader, "PATCH", "/config", {"synchronous_mode": wanted}, 10.0)
    _until(lambda: _waits(runtime, leader) is wanted, f"{leader} does not take it up. See `lab logs {leader}`.")


def _waits(runtime: Runtime, leader: str) -> bool | None:
    with contextlib.suppress(psycopg.Error), connected(runtime, leader) as connection:
        names = connection.execute("SHOW synchronous_standby_names").fetchone()
        return bool(names and names[0])
    return None


def _require_successor(runtime: Runtime, old: str) -> None:
    cluster = look(runtime)
    others = cluster.standbys if cluster.synchronous else [name for name in cluster.nodes if name != old]
    if not others:
        raise LabError(
            f"No other node may lead now: none has all that {old} has. Wait until `lab status` shows a synchronous one,"
            " or bring the others back with `make heal`."
        )


def _require_lead(key: LeaderKey, old: str) -> None:
    """It led when the nodes were asked, which takes seconds when one of them hangs."""
    holder = key.holder()
    if holder != old:
        raise NotInTime(f"The lead has just moved from {old} to {holder or 'nobody'}, so nothing was done. Try again.")


def _watched(runtime: Runtime, key: LeaderKey, old: str, began: float, asked: Future[str] | None = None) -> Change:
    """Until another one leads. `asked` is the order that is under way: a refusal of it ends the watch."""
    free: float | None = None
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if asked is not None and asked.done():
            asked.result()
        holder = key.holder()
        if holder != old and free is None:
            free = time.monotonic()
        if holder not in (None, old) and _writes(runtime, str(holder)):
            return Change(old, str(holder), began, free, time.monotonic())
        time.sleep(_GLANCE)
    raise NotInTime(
        f"No other node came to lead within {PATIENCE:g} s. Look with `lab status` and `lab logs {nodes(runtime)[0]}`;"
        " `make heal` brings all of them back."
    )


def _writes(runtime: Runtime, node: str) -> bool:
    with contextlib.suppress(psycopg.Error), connected(runtime, node) as connection:
        row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        return row == (False,)
    return False


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise NotInTime(otherwise)
        time.sleep(0.05)
