"""`lab replay` on a real Postgres: who waits, who is refused, what is lost, and that nothing of it stays."""

from __future__ import annotations

import subprocess
import sys
import time
from signal import SIGINT

import psycopg
import pytest

from infra.errors import LabError
from labs.lab2_postgres.replay import deadlock, lost_update, write_skew
from labs.lab2_postgres.replay.plays import PLAYS, replay
from labs.lab2_postgres.replay.theatre import LOCK, SCHEMA, Turn, theatre


def kinds(turns: list[Turn], kind: str) -> list[tuple[str, str]]:
    return [(turn.session, turn.text) for turn in turns if turn.kind == kind]


def schemas(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchall()
    return [str(row[0]) for row in rows]


def test_a_deadlock_has_one_victim_and_the_same_order_has_none(database: str) -> None:
    turns: list[Turn] = []
    with theatre(database, turns.append) as stage:
        found = deadlock.play(stage)
    assert found.victim in ("A", "B")
    assert found.clicks == 2
    assert found.cured_victim is None
    assert found.cured_clicks == 4
    assert ("A", "waits for B") in kinds(turns, "waits")
    (victim, message), *others = kinds(turns, "error")
    assert not others
    assert victim == found.victim
    assert "40P01" in message


def test_an_update_is_lost_and_each_cure_keeps_it(database: str) -> None:
    turns: list[Turn] = []
    with theatre(database, turns.append) as stage:
        found = lost_update.play(stage)
    assert found == lost_update.Found(naive=101, atomic=102, locked=102, repeatable=102, retries=1)
    assert len(kinds(turns, "waits")) == 3  # once in each cure
    ((who, message),) = kinds(turns, "error")
    assert who == "B"
    assert "40001" in message


def test_write_skew_passes_repeatable_read_and_not_serializable(database: str) -> None:
    turns: list[Turn] = []
    with theatre(database, turns.append) as stage:
        found = write_skew.play(stage)
    assert found.repeatable == 0
    assert found.serializable == 1
    assert found.refused in ("A", "B")
    assert [who for who, message in kinds(turns, "error") if "40001" in message] == [found.refused]


@pytest.mark.parametrize("name", PLAYS)
def test_each_ends_in_words_and_leaves_nothing(database: str, name: str) -> None:
    seen = replay(name, database, lambda turn: None)
    assert len(seen) >= 3
    assert not any("this time" in sentence for sentence in seen)  # the words for a run that went otherwise
    assert schemas(database) == []


def test_what_a_killed_replay_left_goes_first(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(f"CREATE TABLE {SCHEMA}.links (id int)")
    replay("write-skew", database, lambda turn: None)
    assert schemas(database) == []


def test_two_replays_do_not_mix(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        with pytest.raises(LabError, match="Another replay is on"):
            replay("deadlock", database, lambda turn: None)


def test_a_failure_in_the_middle_leaves_nothing(database: str) -> None:
    def stumble(turn: Turn) -> None:
        if turn.kind == "waits":
            raise RuntimeError("the terminal is gone")

    with pytest.raises(RuntimeError):
        replay("deadlock", database, stumble)
    assert schemas(database) == []


def test_ctrl_c_in_the_middle_leaves_nothing(database: str) -> None:
    program = f"""
import signal
from labs.lab2_postgres.replay.plays import replay
def tell(turn):
    if turn.kind == "waits":
        print("waits", flush=True)
        signal.pause()
replay("deadlock", {database!r}, tell)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"waits\n"
        child.send_signal(SIGINT)
        try:
            _, errors = child.communicate(timeout=20)
        finally:
            child.kill()  # one that heard nothing would be waited for without end
    assert b"KeyboardInterrupt" in errors  # nothing but the interrupt came out
    assert schemas(database) == []


def test_a_server_that_goes_away_is_a_sentence(database: str) -> None:
    def pull_the_plug(turn: Turn) -> None:
        if turn.kind == "sql" and turn.text.startswith("UPDATE"):
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'lab replay%'"
                )

    began = time.monotonic()
    with pytest.raises(LabError, match="went away in the middle"):
        replay("deadlock", database, pull_the_plug)
    assert time.monotonic() - began < 15


def test_an_unknown_replay_is_named() -> None:
    with pytest.raises(LabError, match="deadlock, lost-update, write-skew"):
        replay("phantom", "", lambda turn: None)


def test_nobody_at_that_address() -> None:
    with pytest.raises(LabError, match="lab status"):
        replay("deadlock", "host=127.0.0.1 port=1 user=lab connect_timeout=2", lambda turn: None)
