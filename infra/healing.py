"""The promise that whatever an experiment broke is mended, also after an error, and after Ctrl-C pressed twice."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from infra.runtime.protocol import Progress, Runtime


@contextlib.contextmanager
def healed_afterwards(runtime: Runtime, undo: Callable[[Runtime], None] | None, progress: Progress) -> Iterator[None]:
    """However the block ends, `undo` and then the runtime's own heal run to their end."""
    try:
        yield
    finally:
        with deaf_to_ctrl_c(lambda: progress("mending the stage first, a moment")):
            try:
                if undo is not None:
                    undo(runtime)
            finally:
                runtime.heal()


@contextlib.contextmanager
def deaf_to_ctrl_c(say: Callable[[], None]) -> Iterator[None]:
    """Answer Ctrl-C with `say` alone. A handler, not SIG_IGN: the boxes that healing starts would inherit that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def answer(number: int, frame: FrameType | None) -> None:
        say()

    before = signal.signal(signal.SIGINT, answer)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
