"""Three nodes elect a leader; it is paused in the middle of a round, past its lease, and goes on again. Lab 5."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from infra.errors import LabError
from infra.experiment.healing import healed_afterwards
from infra.runtime.protocol import Progress, Runtime
from labs.lab5_failover.election.events import Event, Term, most_at_once, read_events, terms
from labs.lab5_failover.election.storage import Round, Storage, longest_gap, storage_of

NODES = ("sweeper-1", "sweeper-2", "sweeper-3")
PROFILE = "lab-5-election"
# Where in a round the leader is paused, as a share of the time from one round's end to the next. It takes a
# moment until the pause has come through. Which part of a round is the work, nobody but the node knows.
_PHASES = (0.5, 0.35, 0.6, 0.25)
_LINKS = 10
_TAKES_OVER = 30.0  # seconds, on a busy machine
_ROUNDS_AFTER = 4  # of the new leader: by then the old one has ended its round, and has seen that it leads no more
_POLL = 0.02
_LINES = 100_000


@dataclass(frozen=True)
class Way:
    """Who keeps the lease ("redis" or "etcd"), and whether the storage checks the token."""

    keeper: str
    fenced: bool

    def __str__(self) -> str:
        return f"{self.keeper}, fenced" if self.fenced else self.keeper


WAYS = tuple(Way(keeper, fenced) for keeper in ("redis", "etcd") for fenced in (False, True))


@dataclass(frozen=True)
class Pause:
    """Seconds since 1970."""

    node: str
    start: float
    end: float


@dataclass(frozen=True)
class Run:
    """What became of one way. Times in seconds since 1970."""

    way: Way
    began: float
    ended: float
    terms: Sequence[Term]
    rounds: Sequence[Round]
    refusals: Sequence[Event]
    pauses: Sequence[Pause]
    renewed: int  # links that were given more time while the leader was paused
    renewed_and_gone: int  # those of them that were deleted all the same

    @property
    def leaders_at_once(self) -> int:
        return most_at_once(self.terms)

    @property
    def stale(self) -> list[Round]:
        """The writes that the storage accepted from a leader of the past."""
        return [one for one in self.rounds if one.stale]

    @property
    def longest_gap(self) -> float:
        """Seconds without a leader that did its work."""
        return longest_gap(self.rounds)


class Election:
    """One that is under way. `began` is when a leader was at work."""

    def __init__(self, stage: Runtime, storage: Storage, way: Way) -> None:
        """All nodes start anew. Raises LabError when none of them leads."""
        self._stage, self._storage, self._way, self._asked = stage, storage, way, time.time()
        self._pauses: list[Pause] = []
        self._renewed: list[str] = []
        elect_by(stage, way)
        storage.begin()
        soon(lambda: len(storage.rounds()) >= 2, "No node leads")
        self._began = time.time()

    def pause_the_leader(self) -> Pause:
        """In the middle of a round, with some expired links in its hand. Meanwhile they are renewed, and another node
        takes over; then it goes on, and the other one too, for some rounds. Raises LabError when nobody takes over."""
        stage, storage, phase = self._stage, self._storage, _PHASES[len(self._pauses) % len(_PHASES)]
        leader, period = _at_a_rounds_end(storage)
        links, end = storage.put_expired(_LINKS), time.monotonic() + phase * period
        while (left := end - time.monotonic()) > 0:  # now it reads them, and works on them
            time.sleep(left)
        start = time.time()
        stage.pause(leader.node)
        self._renewed += storage.renew(links)
        soon(lambda: _newest(storage).token > leader.token, f"{leader.node} was paused, and nobody took over")
        stage.resume(leader.node)
        self._pauses.append(Pause(leader.node, start, time.time()))
        successor, so_far = _newest(storage), len(storage.rounds())
        soon(
            lambda: sum(not one.stale for one in storage.rounds()[so_far:]) >= _ROUNDS_AFTER,
            f"{successor.node} took over and did not go on",
        )
        return self._pauses[-1]

    def so_far(self) -> Run:
        rounds, ended, gone = self._storage.rounds(), time.time(), self._storage.gone(self._renewed)
        logs = [self._stage.logs(node, lines=_LINES) for node in NODES]
        events = [event for log in logs for event in read_events(log) if event.at >= self._asked]
        refusals = [event for event in events if event.what == "refused" and event.at >= self._began]
        found = terms(events, self._began, ended)
        return Run(
            self._way, self._began, ended, found, rounds, refusals, tuple(self._pauses), len(self._renewed), gone
        )


@contextlib.contextmanager
def election(stage: Runtime, way: Way) -> Iterator[Election]:
    """However the block ends, no fault is left in force."""
    with healed_afterwards(stage, None), storage_of(stage) as storage:
        yield Election(stage, storage, way)


def run(stage: Runtime, way: Way, pauses: int, progress: Progress) -> Run:
    """So many pauses of whoever leads. Raises LabError when nobody leads, or takes over."""
    with election(stage, way) as going:
        progress(f"{way}: a leader is at work")
        for _ in range(pauses):
            pause = going.pause_the_leader()
            progress(f"{way}: {pause.node} was paused for {pause.end - pause.start:.1f} s in the middle of a round")
        return going.so_far()


def elect_by(stage: Runtime, way: Way) -> None:
    """All nodes start anew, and elect by that way from now on."""
    stage.set_variables({"ELECTION": way.keeper, "FENCED": "yes" if way.fenced else "no"})
    for node in NODES:
        stage.renew(node)


def _at_a_rounds_end(storage: Storage) -> tuple[Round, float]:
    """The last round of whoever leads, just now ended, and the seconds from one round's end to the next."""
    seen = len(storage.rounds())
    soon(lambda: len(storage.rounds()) >= seen + 2, "No node leads")
    rounds = storage.rounds()
    last = [one for one in rounds if not one.stale][-3:]
    return last[-1], min(later.at - earlier.at for earlier, later in pairwise(last))


def _newest(storage: Storage) -> Round:
    return [one for one in storage.rounds() if not one.stale][-1]


def soon(probe: Callable[[], bool], otherwise: str) -> None:
    """Wait until it holds. Raises LabError after 30 s."""
    deadline = time.monotonic() + _TAKES_OVER
    while not probe():
        if time.monotonic() > deadline:
            raise LabError(f"{otherwise} within {_TAKES_OVER:g} s. See `lab logs sweeper-1`, and so on.")
        time.sleep(_POLL)
