"""A campaign has two links, and one of them must stay enabled. Two editors each look, see two, and each disable one."""

from __future__ import annotations

from dataclasses import dataclass

from labs.lab2_postgres.replay.session import Outcome
from labs.lab2_postgres.replay.theatre import Theatre

SETTING = """
    DROP TABLE IF EXISTS links;
    CREATE TABLE links (id text PRIMARY KEY, campaign text NOT NULL, enabled boolean NOT NULL);
    INSERT INTO links VALUES ('poster', 'spring', true), ('mail', 'spring', true)
"""
COUNT = "SELECT count(*) FROM links WHERE campaign = 'spring' AND enabled"
LINKS = {"A": "poster", "B": "mail"}


@dataclass(frozen=True)
class Found:
    """How many links were enabled at the end (the rule: at least one), and whom SERIALIZABLE refused, if anyone."""

    repeatable: int
    serializable: int
    refused: str | None


def play(stage: Theatre) -> Found:
    stage.scene("REPEATABLE READ: each sees two enabled links and disables another one", SETTING)
    _two_editors(stage, "REPEATABLE READ")
    repeatable = stage.value(COUNT)
    stage.scene("SERIALIZABLE: the server notices that no order of the two explains what they saw", SETTING)
    refused = _two_editors(stage, "SERIALIZABLE")
    if refused:
        _again(stage, refused)
    return Found(repeatable, stage.value(COUNT), refused)


def _two_editors(stage: Theatre, level: str) -> str | None:
    """Returns who was refused with a serialization failure."""
    for who in LINKS:
        stage.run(who, f"BEGIN ISOLATION LEVEL {level}")
    seen = {who: stage.run(who, COUNT).rows[0][0] for who in LINKS}
    failures: dict[str, Outcome] = {}
    for who in LINKS:
        if seen[who] > 1:
            _note(failures, who, stage.run(who, _disable(who)))
    for who in LINKS:
        _note(failures, who, stage.run(who, "ROLLBACK" if who in failures else "COMMIT"))
    return next((who for who, outcome in failures.items() if outcome.sqlstate == "40001"), None)


def _note(failures: dict[str, Outcome], who: str, outcome: Outcome) -> None:
    if outcome.error:
        failures[who] = outcome


def _again(stage: Theatre, who: str) -> None:
    """The refused editor begins anew, as a program must after 40001: this time the rule says no."""
    stage.run(who, "BEGIN ISOLATION LEVEL SERIALIZABLE")
    if stage.run(who, COUNT).rows[0][0] > 1:
        stage.run(who, _disable(who))
    stage.run(who, "COMMIT")


def _disable(who: str) -> str:
    return f"UPDATE links SET enabled = false WHERE id = '{LINKS[who]}'"
