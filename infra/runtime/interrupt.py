"""Ctrl-C while a stage is being changed: the first one is heard, and then nothing disturbs the clean-up it causes."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def heard_once() -> Iterator[None]:
    """Inside, the first SIGINT or SIGTERM raises KeyboardInterrupt; the handler itself makes further ones unheard, so
    that not even a quick second one slips in before the clean-up. Signals belong to the main thread; elsewhere there
    is nothing to do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]

    def first(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, first) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
