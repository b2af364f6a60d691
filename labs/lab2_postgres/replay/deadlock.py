"""Two workers add clicks to the same two links, in opposite order: each holds what the other wants."""

from __future__ import annotations

from dataclasses import dataclass

from labs.lab2_postgres.replay.theatre import Theatre

SETTING = """
    DROP TABLE IF EXISTS links;
    CREATE TABLE links (id text PRIMARY KEY, clicks integer NOT NULL);
    INSERT INTO links VALUES ('first', 0), ('second', 0)
"""


@dataclass(frozen=True)
class Found:
    """`victim` is the session that the server ended, None when it ended neither."""

    victim: str | None
    clicks: int  # of both links together, after the crossing; each session wanted to add 2
    cured_victim: str | None
    cured_clicks: int


def play(stage: Theatre) -> Found:
    stage.scene("Crossing: A takes first then second, B takes second then first", SETTING)
    victim = _two_workers(stage, {"A": ("first", "second"), "B": ("second", "first")})
    clicks = stage.value("SELECT sum(clicks)::int FROM links")
    stage.scene("The cure: both take the rows in the same order", SETTING)
    cured_victim = _two_workers(stage, {"A": ("first", "second"), "B": ("first", "second")})
    return Found(victim, clicks, cured_victim, stage.value("SELECT sum(clicks)::int FROM links"))


def _two_workers(stage: Theatre, orders: dict[str, tuple[str, str]]) -> str | None:
    """A and B take their rows in turns. Returns the one that ended in a deadlock, if one did."""
    stage.run("A", "BEGIN")
    stage.run("B", "BEGIN")
    stage.run("A", _click(orders["A"][0]))
    b_waits = stage.run("B", _click(orders["B"][0])).waits_for
    a_waits = stage.run("A", _click(orders["A"][1])).waits_for
    if not (a_waits or b_waits):
        stage.run("A", "COMMIT")
        stage.run("B", _click(orders["B"][1]))
        stage.run("B", "COMMIT")
        return None
    if b_waits:
        stage.run("A", "COMMIT")
        stage.finish()
        outcome = stage.run("B", _click(orders["B"][1]))
        stage.run("B", "ROLLBACK" if outcome.error else "COMMIT")
        return "B" if outcome.sqlstate == "40P01" else None
    return _crossed(stage, _click(orders["B"][1]))


def _crossed(stage: Theatre, last: str) -> str | None:
    """A waits for B already; now B asks for what A holds. The server finds the circle and ends one of the two."""
    ends = {"B": stage.run("B", last)} | stage.finish()
    victim = next((who for who, outcome in ends.items() if outcome.sqlstate == "40P01"), None)
    for who in sorted(ends, key=lambda who: who != victim):
        stage.run(who, "ROLLBACK" if ends[who].error else "COMMIT")
    return victim


def _click(link: str) -> str:
    return f"UPDATE links SET clicks = clicks + 1 WHERE id = '{link}'"
