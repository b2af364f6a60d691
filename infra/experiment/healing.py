"""The promise that whatever an experiment broke is mended, also after an error, and after Ctrl-C pressed twice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from infra.interrupt import undisturbed
from infra.runtime.protocol import Progress, Runtime


@contextlib.contextmanager
def healed_afterwards(
    runtime: Runtime, undo: Callable[[Runtime], None] | None, progress: Progress = lambda _: None
) -> Iterator[None]:
    """However the block ends, `undo` and then the runtime's own heal run to their end. With a dead leader that takes
    half a minute, so whoever pressed Ctrl-C is told."""
    try:
        yield
    except KeyboardInterrupt:
        progress("interrupted; mending what is broken first")
        raise
    finally:
        with undisturbed():
            try:
                if undo is not None:
                    undo(runtime)
            finally:
                runtime.heal()
