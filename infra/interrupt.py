"""Ctrl-C while a stage is being changed or mended: heard once at most, and nothing disturbs the clean-up it causes.

Signals belong to the main thread; elsewhere there is nothing to do."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


def _unheard(number: int, frame: FrameType | None) -> None:
    """In place of SIG_IGN, which what is started meanwhile would inherit: a shell can then trap SIGTERM no more."""


@contextlib.contextmanager
def heard_once() -> Iterator[None]:
    """Inside, the first SIGINT or SIGTERM raises KeyboardInterrupt; the handler itself makes further ones unheard, so
    that not even a quick second one slips in before the clean-up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) not in (signal.SIG_IGN, _unheard)
    ]

    def first(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN if each == signal.SIGINT else _unheard)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, first) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C is not heard inside: the runtimes' own handling of it leaves an ignored signal alone. What is started
    inside ignores it too, which harms no box: they are ended by SIGTERM, or handle SIGINT themselves."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
