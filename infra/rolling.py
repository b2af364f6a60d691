"""More copies, fewer copies, or each replaced by a new one, while the others serve. Lab 4 adds this."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from infra.copies import copies
from infra.errors import LabError
from infra.interrupt import undisturbed
from infra.runtime.protocol import Progress, Runtime


def scale(runtime: Runtime, wanted: int, progress: Progress) -> None:
    """Let `wanted` copies stand: new ones get requests once they are ready, those that go finish theirs first.

    Raises LabError for a number that cannot be, and when a copy does not become ready."""
    every, standing = copies(runtime.stage), _standing(runtime)
    if not 1 <= wanted <= len(every):
        raise LabError(
            f"{wanted} copies cannot stand: name a number from 1 to {len(every)}, such as `lab scale app 5`."
        )
    if wanted > len(standing):
        runtime.set_copies(wanted, progress)
        for name in _standing(runtime)[len(standing) :]:
            runtime.admit(name)
            progress(f"{name} gets requests")
    for name in reversed(standing[wanted:]):
        with _let_in_again(runtime, name):
            runtime.drain(name)
            runtime.set_copies(int(name.rpartition("-")[2]) - 1, progress)
        progress(f"{name} has finished its requests and ended")


def deploy(runtime: Runtime, version: str | None, progress: Progress) -> None:
    """Replace each copy by a new one, one after another: drain, stop, start, ready, next. `version` is their new label.

    What ails is replaced first. Raises LabError where a copy does not become ready; the others stay as they are."""
    names = _standing(runtime)
    ready = {box.name for box in runtime.status() if box.ready}
    if version is not None:
        runtime.set_variables({"VERSION": version})
    if len(names) == 1:
        progress(f"{names[0]} is the only copy: nobody answers while it is replaced")
    for name in sorted(names, key=lambda name: (name in ready, names.index(name))):
        began = time.monotonic()
        with _let_in_again(runtime, name):
            if name in ready:
                runtime.drain(name)
            _renew(runtime, name, [other for other in names if other != name])
            runtime.admit(name)
        progress(f"{name} is replaced: drained, ended, started, ready ({time.monotonic() - began:.1f} s)")


def _renew(runtime: Runtime, name: str, others: list[str]) -> None:
    try:
        runtime.renew(name)
    except LabError as error:
        raise LabError(
            f"{name} did not become ready, so the deploy stops here; {', '.join(others) or 'no other copy'} goes on as"
            f" it is. Mend what is named below, then `lab deploy` again, or with the old label (--version).\n"
            f"{error}"
        ) from error


@contextlib.contextmanager
def _let_in_again(runtime: Runtime, name: str) -> Iterator[None]:
    """Whatever interrupts the work inside, the copy gets requests again if it can answer them."""
    try:
        yield
    except BaseException:
        with undisturbed(), contextlib.suppress(LabError):
            if any(box.name == name and box.ready for box in runtime.status()):
                runtime.admit(name, wait=False)
        raise


def _standing(runtime: Runtime) -> list[str]:
    """The names of the copies that stand. Raises LabError before lab 4, which has the first."""
    names = [box.name for box in copies(runtime.stage) if box not in runtime.stage.resting]
    if not names:
        raise LabError("This stage has one service and no balancer: copies stand from lab 4 on. Try `make lab-4`.")
    return names
