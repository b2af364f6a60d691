"""What there is to restore from (base backups, runs of the log, forks of timelines) and what leads to a moment. Lab 4.

Pure: no I/O. A restore begins a new timeline, so the log is a tree; each run of it was live from its beginning until
that of the next one. The state at a moment is that of the run that was live then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from infra.errors import LabError


@dataclass(frozen=True)
class Backup:
    """A base backup. `line` names the database that it is of (one that was made anew is another); it begins in the
    segment `first` of the log, and is whole from `end` in the log, at the time `ended`, on."""

    label: str
    line: str
    first: str
    end: int
    ended: float
    size: int  # bytes

    @property
    def timeline(self) -> int:
        return timeline(self.first)


@dataclass(frozen=True)
class Run:
    """The log without a gap, from the segment `first` on. `lost` is when the archive saw the server last, None while it
    does, or when it does not know."""

    line: str
    first: str
    began: float
    lost: float | None

    @property
    def timeline(self) -> int:
        return timeline(self.first)


@dataclass(frozen=True)
class Choice:
    """What a restore is made from: the base backup, and the run of the log whose end or moment it goes to."""

    backup: Backup
    run: Run


@dataclass(frozen=True)
class Catalog:
    """All of it, oldest first. `forks`: by line and timeline, the timeline that it left and where. `data`: whether the
    database is there now, whole or not; `replaced`: whether a restore has put it there, and its stage did not stand
    again since."""

    backups: tuple[Backup, ...]
    runs: tuple[Run, ...]
    forks: dict[tuple[str, int], tuple[int, int]]
    data: bool
    replaced: bool = False

    def choose(self, moment: float | None) -> Choice:
        """What leads to that moment, or when it is None to the last one there is. Raises LabError when nothing does."""
        if not self.backups:
            raise LabError("There is no backup to restore from. Make one while the stage is whole: `lab backup`.")
        if moment is not None and moment < self.backups[0].ended:
            earliest = local(min(backup.ended for backup in self.backups))
            raise LabError(f"{local(moment)} is before the oldest backup. The earliest time to restore is {earliest}.")
        live = [run for run in self.runs if moment is None or run.began <= moment]
        for run in reversed(live):
            usable = [backup for backup in self.backups if self._leads_to(backup, run, moment)]
            if usable:
                return Choice(usable[-1], run)
            if moment is not None:
                break
        raise LabError(
            "No backup leads there: the log has a gap, or the database was made anew meanwhile."
            " `lab backup --list` shows from when on each leads; `lab restore` alone goes to the last moment there is."
        )

    def _leads_to(self, backup: Backup, run: Run, moment: float | None) -> bool:
        """Whether the log goes on from the backup to the run, along its timelines and without a gap."""
        if backup.line != run.line or (moment is not None and backup.ended > moment):
            return False
        branch, end = run.timeline, None
        while branch != backup.timeline:
            if (run.line, branch) not in self.forks:
                return False
            branch, end = self.forks[run.line, branch]
        if end is not None and backup.end > end:
            return False  # made after the fork, on the branch that was left
        return not any(
            other.line == run.line and other.first > backup.first and self._is_gap(other)
            for other in self.runs
            if other.began <= run.began
        )

    def _is_gap(self, run: Run) -> bool:
        """Whether the log goes on there in the same timeline, with something missing before it."""
        before = [other for other in self.runs if other.began < run.began]
        return any((other.line, other.timeline) == (run.line, run.timeline) for other in before)


def read(text: str) -> Catalog:
    """What scripts/look.sh says. A line that is cut short, as by a full disk, counts as none."""
    rows = [line.split() for line in text.splitlines()]
    backups = [
        Backup(label, line, first, lsn(end), float(ended), int(size) * 1024)
        for label, line, first, end, ended, size in (row[1:] for row in rows if row[:1] == ["backup"] and len(row) == 7)
    ]
    runs = [
        Run(line, first, float(began), read_seconds(lost))
        for line, first, began, lost in (row[1:] for row in rows if row[:1] == ["run"] and len(row) == 5)
    ]
    forks = {
        (row[1], int(row[2], 16)): (int(row[3]), lsn(row[4])) for row in rows if row[:1] == ["fork"] and len(row) == 5
    }
    return Catalog(
        tuple(sorted(backups, key=lambda backup: backup.ended)),
        tuple(sorted(runs, key=lambda run: run.began)),
        forks,
        ["data"] in rows,
        ["replaced"] in rows,
    )


def lsn(text: str) -> int:
    """A place in the log, written as 0/3000128."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def timeline(segment: str) -> int:
    return int(segment[:8], 16)


def local(moment: float) -> str:
    """A time as the learner's clock shows it, one that `lab restore --to` takes."""
    return datetime.fromtimestamp(moment).isoformat(sep="T", timespec="milliseconds")


def utc(moment: float) -> str:
    """A time for Postgres."""
    return datetime.fromtimestamp(moment, UTC).isoformat(sep=" ", timespec="microseconds")


def read_seconds(text: str) -> float | None:
    """`1764400000.123`, or without the fraction where `date` knows none."""
    try:
        return float(text.removesuffix("N").rstrip("."))
    except ValueError:
        return None
