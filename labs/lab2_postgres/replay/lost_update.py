"""Two workers count a click each: both read the counter, both write it back, one click is gone. Then the cures."""

from __future__ import annotations

from dataclasses import dataclass

from labs.lab2_postgres.replay.theatre import Theatre

SETTING = """
    DROP TABLE IF EXISTS links;
    CREATE TABLE links (id text PRIMARY KEY, clicks integer NOT NULL);
    INSERT INTO links VALUES ('promo', 100)
"""
READ = "SELECT clicks FROM links WHERE id = 'promo'"


@dataclass(frozen=True)
class Found:
    """The counter after two clicks on 100, each way; 102 is right. `retries`: how often REPEATABLE READ began anew."""

    naive: int
    atomic: int
    locked: int
    repeatable: int
    retries: int


def play(stage: Theatre) -> Found:
    naive = _naive(stage)
    atomic = _atomic(stage)
    locked = _locked(stage)
    repeatable, retries = _repeatable(stage)
    return Found(naive, atomic, locked, repeatable, retries)


def _naive(stage: Theatre) -> int:
    stage.scene("READ COMMITTED: read, add one in the program, write back", SETTING)
    stage.run("A", "BEGIN ISOLATION LEVEL READ COMMITTED")
    stage.run("B", "BEGIN ISOLATION LEVEL READ COMMITTED")
    seen_by_a = stage.run("A", READ).rows[0][0]
    seen_by_b = stage.run("B", READ).rows[0][0]
    stage.run("A", _write(seen_by_a + 1))
    stage.run("A", "COMMIT")
    stage.run("B", _write(seen_by_b + 1))
    stage.run("B", "COMMIT")
    return _counter(stage)


def _atomic(stage: Theatre) -> int:
    stage.scene("Cure 1: let the database add, in one statement", SETTING)
    add = "UPDATE links SET clicks = clicks + 1 WHERE id = 'promo'"
    stage.run("A", "BEGIN")
    stage.run("B", "BEGIN")
    stage.run("A", add)
    waits = stage.run("B", add).waits_for
    stage.run("A", "COMMIT")
    if waits:
        stage.finish()
    stage.run("B", "COMMIT")
    return _counter(stage)


def _locked(stage: Theatre) -> int:
    stage.scene("Cure 2: SELECT ... FOR UPDATE, the second reader waits", SETTING)
    read = f"{READ} FOR UPDATE"
    stage.run("A", "BEGIN")
    stage.run("B", "BEGIN")
    seen_by_a = stage.run("A", read).rows[0][0]
    second = stage.run("B", read)
    stage.run("A", _write(seen_by_a + 1))
    stage.run("A", "COMMIT")
    if second.waits_for:
        second = stage.finish()["B"]
    stage.run("B", _write(second.rows[0][0] + 1))
    stage.run("B", "COMMIT")
    return _counter(stage)


def _repeatable(stage: Theatre) -> tuple[int, int]:
    stage.scene("Cure 3: REPEATABLE READ, the late writer is refused and begins anew", SETTING)
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ"
    stage.run("A", begin)
    stage.run("B", begin)
    seen_by_a = stage.run("A", READ).rows[0][0]
    seen_by_b = stage.run("B", READ).rows[0][0]
    stage.run("A", _write(seen_by_a + 1))
    late = stage.run("B", _write(seen_by_b + 1))
    stage.run("A", "COMMIT")
    if late.waits_for:
        late = stage.finish()["B"]
    if late.sqlstate != "40001":
        stage.run("B", "COMMIT")
        return _counter(stage), 0
    stage.run("B", "ROLLBACK")
    stage.run("B", begin)
    seen_by_b = stage.run("B", READ).rows[0][0]
    stage.run("B", _write(seen_by_b + 1))
    stage.run("B", "COMMIT")
    return _counter(stage), 1


def _write(clicks: int) -> str:
    return f"UPDATE links SET clicks = {clicks} WHERE id = 'promo'"


def _counter(stage: Theatre) -> int:
    return int(stage.value(READ))
