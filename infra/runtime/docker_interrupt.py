"""Ctrl-C: once begun, a clean-up is not interrupted by a second one."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


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
