"""The promise that whatever an experiment broke is mended, also after an error, and after Ctrl-C pressed twice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from infra.interrupt import undisturbed
from infra.runtime.protocol import Runtime


@contextlib.contextmanager
def healed_afterwards(runtime: Runtime, undo: Callable[[Runtime], None] | None) -> Iterator[None]:
    """However the block ends, `undo` and then the runtime's own heal run to their end."""
    try:
        yield
    finally:
        with undisturbed():
            try:
                if undo is not None:
                    undo(runtime)
            finally:
                runtime.heal()
