"""Ctrl-C half-way up: the first one is heard, and what it sets going is not interrupted by a second."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def heard_once() -> Iterator[None]:
    """The first Ctrl-C inside raises KeyboardInterrupt; the clean-up that follows it, still inside, hears none.

    The handler itself turns to deaf: between two Python statements there would be a gap."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def unstoppable() -> Iterator[None]:
    """Ctrl-C is not heard inside. (Signals belong to the main thread; elsewhere there is nothing to do.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
