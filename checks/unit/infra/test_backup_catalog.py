"""Which base backup, and which run of the log, lead to a moment: timelines, gaps, and a database that was made anew."""

from __future__ import annotations

from datetime import datetime

import pytest

from infra.backup.catalog import local, read
from infra.backup.moment import read_moment
from infra.errors import LabError

FIRST, SECOND = "20261129T100000Z", "20261129T110000Z"  # two databases

# By time: a backup at 110 s, a restore at 200 that goes on from 0/5000000, a backup at 210, a gap in the log at 300.
LOOK = f"""
data
backup b110 {FIRST} 000000010000000000000002 0/2000120 110.5 1000
backup b150 {FIRST} 000000010000000000000006 0/6000120 150.5 1000
backup b210 {FIRST} 000000020000000000000006 0/6000220 210.5 2000
run {FIRST} 000000010000000000000001 100.0 190.25
run {FIRST} 000000020000000000000005 200.0 -
run {FIRST} 000000020000000000000009 300.0 -
fork {FIRST} 00000002 1 0/5000000
"""


@pytest.mark.parametrize(
    ("moment", "backup", "run"),
    [
        (111.0, "b110", 100.0),
        (160.0, "b150", 100.0),
        (195.0, "b150", 100.0),  # in between nothing was live but the end of what was
        (205.0, "b110", 200.0),  # b150 was made on the branch that the restore left
        (215.0, "b210", 200.0),
    ],
)
def test_the_newest_backup_on_the_way(moment: float, backup: str, run: float) -> None:
    choice = read(LOOK).choose(moment)
    assert (choice.backup.label, choice.run.began) == (backup, run)


def test_a_gap_is_not_crossed() -> None:
    with pytest.raises(LabError, match="the log has a gap"):
        read(LOOK).choose(310.0)
    assert read(LOOK).choose(None).run.began == 200.0
    later = LOOK + f"backup b320 {FIRST} 000000020000000000000009 0/9000120 320.5 2000\n"
    assert read(later).choose(None).backup.label == "b320"
    assert read(later).choose(330.0).backup.label == "b320"


def test_a_database_that_was_made_anew_is_another_one() -> None:
    anew = LOOK + f"run {SECOND} 000000010000000000000001 400.0 -\n"
    assert read(anew).choose(None).run.line == FIRST
    with pytest.raises(LabError, match="made anew"):
        read(anew).choose(410.0)
    own = anew + f"backup b420 {SECOND} 000000010000000000000002 0/2000120 420.5 1000\n"
    assert read(own).choose(None).backup.label == "b420"
    assert read(own).choose(215.0).backup.label == "b210"


def test_before_the_first_backup_there_is_nothing() -> None:
    with pytest.raises(LabError, match=f"The earliest time to restore is {local(110.5)}"):
        read(LOOK).choose(110.0)
    with pytest.raises(LabError, match="There is no backup to restore from"):
        read("data\n").choose(None)


def test_when_the_server_was_lost_and_what_was_cut_short() -> None:
    catalog = read(LOOK + "backup b500 half-writ")
    assert [run.lost for run in catalog.runs] == [190.25, None, None]
    assert [backup.size for backup in catalog.backups] == [1_024_000, 1_024_000, 2_048_000]
    assert (catalog.data, read("").data) == (True, False)


NOW = datetime(2026, 11, 29, 14, 30).astimezone()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12:34:56", datetime(2026, 11, 29, 12, 34, 56)),
        ("9:05", datetime(2026, 11, 29, 9, 5)),
        ("12:34:56.789", datetime(2026, 11, 29, 12, 34, 56, 789_000)),
        ("2026-11-28T12:34:56", datetime(2026, 11, 28, 12, 34, 56)),
        ("2026-11-28 12:34:56", datetime(2026, 11, 28, 12, 34, 56)),
        ("2026-11-28T12:34:56+00:00", datetime.fromisoformat("2026-11-28T12:34:56+00:00")),
    ],
)
def test_times_as_a_learner_writes_them(text: str, moment: datetime) -> None:
    assert read_moment(text, NOW) == moment.timestamp()


@pytest.mark.parametrize("text", ["", "yesterday", "25:00:00", "12:61", "2026-11-28", "2026-13-01T00:00:00", "-5"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(LabError, match="Write 14:30:05 for today"):
        read_moment(text, NOW)


def test_a_time_to_come_is_refused() -> None:
    with pytest.raises(LabError, match="has not come yet"):
        read_moment("14:30:01", NOW)
