"""`lab restore [--to TIME]`: the database as it was at a moment, and how long the way back took."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from infra.commands.context import current, say
from infra.interrupt import heard_once

if TYPE_CHECKING:
    from infra.backup.restore import Restored


def restore(
    to: Annotated[
        str | None, typer.Option(help="14:30:05 for today, or an ISO time; the last moment there is if left out.")
    ] = None,
) -> None:
    """Put the database as it was at a moment in the place of the one that is there, or is lost."""
    from infra.backup import restore as way
    from infra.backup.moment import read_moment
    from infra.backup.tool import with_archive

    moment = None if to is None else read_moment(to, datetime.now().astimezone())
    runtime = with_archive(current(), "lab restore")
    with heard_once():
        done = way.restore(runtime, moment, say)
    _tell(done, moment)


def _tell(done: Restored, moment: float | None) -> None:
    from infra.backup.catalog import local

    newest = (
        f"the newest write that is back was committed at {local(done.kept)}"
        if done.kept
        else (f"nothing was written after the backup of {local(done.choice.backup.ended)}")
    )
    print(f"\nRTO {done.seconds:.1f} s: from the first step until a redirect was served again.")
    if moment is not None:
        print(f"RPO: what was committed until {local(moment)} is back, and nothing after it; {newest}.")
    elif done.whole:
        print(f"RPO 0 s: the archive had everything when Postgres was stopped; {newest}.")
    elif done.loss is None:
        print(f"RPO unknown, for the archive did not see the loss; {newest}.")
    else:
        print(f"RPO at most {done.loss:.3f} s: {newest}, and Postgres was lost at {local(done.lost or 0.0)}.")
    print("The log goes on in a new timeline. Next: `lab backup`, so that the next restore need not replay this one.")
