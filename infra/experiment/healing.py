"""The promise that whatever an experiment broke is mended, also after an error, and after Ctrl-C pressed twice."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

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


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C is not heard inside: the runtimes' own handling of it leaves an ignored signal alone. What is started
    inside ignores it too, which harms no box: they are ended by SIGTERM, or handle SIGINT themselves. (Signals
    belong to the main thread; elsewhere there is nothing to do.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
