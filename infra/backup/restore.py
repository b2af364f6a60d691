"""The database of a moment takes the place of the one that is there, or is lost; and how long that took. Lab 4.

A Postgres of its own replays the log beside the old data, which stays as it is until the new one is whole: whatever
fails before that, or is interrupted, changes nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from infra.backup.catalog import Choice, local, read_seconds, utc
from infra.backup.groups import forget_groups
from infra.backup.served import some_link, watched
from infra.backup.tool import look, tool
from infra.errors import LabError
from infra.interrupt import undisturbed
from infra.runtime.protocol import BoxStatus, Progress, Runtime

DATABASE, ARCHIVE = "postgres", "wal-archive"


@dataclass(frozen=True)
class Restored:
    """`seconds` from the first step to the first redirect that was served. `kept` is when the newest write that is back
    was committed, None when none is newer than the backup; `lost` when the database was there last, None if nobody saw
    it. `whole`: nothing was lost but what was to be, since the archive had it all."""

    choice: Choice
    seconds: float
    kept: float | None
    lost: float | None
    whole: bool

    @property
    def loss(self) -> float | None:
        """The seconds before the loss of which writes may be missing: the recovery point. None if nobody knows."""
        if self.whole or self.lost is None:
            return 0.0 if self.whole else None
        return max(0.0, self.lost - (self.kept or self.choice.backup.ended))


def restore(runtime: Runtime, moment: float | None, progress: Progress) -> Restored:
    """To that moment, or to the last one that the archive has. Afterwards the whole stage stands, and no fault is in
    force. Raises LabError when that fails; then the old database is in its place, if there was one."""
    began = time.monotonic()
    catalog = look(runtime)
    choice = catalog.choose(moment)
    if choice.run != catalog.runs[-1] and moment is None:
        progress("the newest part of the log follows no backup: the moment before it is restored")
    status = {box.name: box for box in runtime.status()}
    whole = moment is not None or (_followed(status) and choice.run == catalog.runs[-1])
    try:
        said = _exchange(runtime, choice, moment, status, progress)
    except BaseException:
        _put_back(runtime, progress)
        raise
    try:
        seconds = _bring_back(runtime, progress) - began
    except KeyboardInterrupt:
        progress("the database is restored, but not all of the stage stands again: `make heal` starts the rest")
        raise
    except LabError as error:
        raise LabError(
            f"The database is restored, but the stage does not stand again: {error} Run `make heal`."
        ) from error
    kept = datetime.fromisoformat(said["kept"]).timestamp() if "kept" in said else None
    return Restored(choice, seconds, kept, read_seconds(said.get("lost", "")), whole)


def _followed(status: dict[str, BoxStatus]) -> bool:
    """Whether the archive gets everything when the database ends in order now."""
    return all(box in status and status[box].ready for box in (DATABASE, ARCHIVE))


def _exchange(
    runtime: Runtime, choice: Choice, moment: float | None, status: dict[str, BoxStatus], progress: Progress
) -> dict[str, str]:
    """First the database is stopped, then the archive, which so gets everything. Those that use the database, and the
    cache of it, are stopped meanwhile."""
    clients = {source for source, target, _ in runtime.stage.links() if target == DATABASE} - {ARCHIVE}
    caches = {box.name for box in runtime.stage.boxes if box.native.kind == "redis"}

    def stop(names: Iterable[str]) -> None:
        for name in names:
            if name in status and status[name].state in ("running", "paused"):
                runtime.stop(name)

    progress("Postgres is stopped, and whoever uses it")
    stop([DATABASE, ARCHIVE])
    progress(f"base backup {choice.backup.label}, then the log to {local(moment) if moment else 'its end'}")
    with ThreadPoolExecutor(1) as aside:
        stopped = aside.submit(stop, sorted(clients | caches))
        words = [] if moment is None else [utc(moment)]
        said = tool(runtime, "restore", choice.backup.label, choice.run.line, choice.run.first, *words)
        stopped.result()
    return dict(line.split(" ", 1) for line in said.splitlines())


def _put_back(runtime: Runtime, progress: Progress) -> None:
    """The old database again, if there is one: a new one, empty, is nothing that anybody has asked for."""
    with undisturbed():
        now = look(runtime)
        if now.data and now.replaced:
            progress("too late: the restored database is in its place already, and the stage goes on with it")
            forget_groups(runtime, progress)
            runtime.heal()
        elif now.data:
            progress("that did not work out: the stage goes on with the database as it was")
            runtime.heal()
        else:
            progress(
                "that did not work out, and there is no database: `lab restore` again, or `make heal` for a new one"
            )


def _bring_back(runtime: Runtime, progress: Progress) -> float:
    """Start everything, the archive before anybody can write; returns when the first redirect was served."""
    stage = runtime.stage
    caches = [box.name for box in stage.boxes if box.native.kind == "redis"]
    copies = [box.name for box in stage.boxes if box.native.process == "web"]
    for name in (DATABASE, ARCHIVE, *caches):
        runtime.start(name)
    with watched(runtime, some_link(runtime)) as served:
        runtime.start(copies[0])  # it alone, so that somebody answers soon; the others all at once
        forget_groups(runtime, progress)
        runtime.heal()
        tool(runtime, "tidy")
        return served.result()


def lose(runtime: Runtime) -> None:
    """The loss that a restore is there for: the database is killed, and its files are gone."""
    with contextlib.suppress(LabError):  # it was dead already
        runtime.kill(DATABASE)
    tool(runtime, "erase")
