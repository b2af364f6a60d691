"""The plays that `lab replay` knows, by name."""

from __future__ import annotations

from collections.abc import Callable

from infra.errors import LabError
from labs.lab2_postgres.replay import deadlock, lessons, lost_update, write_skew
from labs.lab2_postgres.replay.theatre import Theatre, Turn, theatre


def _deadlock(stage: Theatre) -> list[str]:
    return lessons.of_deadlock(deadlock.play(stage))


def _lost_update(stage: Theatre) -> list[str]:
    return lessons.of_lost_update(lost_update.play(stage))


def _write_skew(stage: Theatre) -> list[str]:
    return lessons.of_write_skew(write_skew.play(stage))


PLAYS: dict[str, Callable[[Theatre], list[str]]] = {
    "deadlock": _deadlock,
    "lost-update": _lost_update,
    "write-skew": _write_skew,
}


def known(name: str) -> Callable[[Theatre], list[str]]:
    """The play of that name. Raises LabError that lists those there are."""
    if name not in PLAYS:
        raise LabError(f"There is no replay called {name}. There are {', '.join(PLAYS)}.")
    return PLAYS[name]


def replay(name: str, url: str, tell: Callable[[Turn], None]) -> list[str]:
    """Play `name` on the database at `url`, each step told as it happens. Returns what was seen, in words."""
    play = known(name)
    with theatre(url, tell) as stage:
        return play(stage)
