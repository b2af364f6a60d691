"""Runs a coroutine so that Ctrl-C ends it in order: in an event loop an exception out of nowhere would leave half-done
work behind, and tracebacks of it on the terminal. Lab 4.

On asyncio's own loop: the close of a uvloop waits without end for a connection that was cancelled in mid-request."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Its result. A signal that would be heard cancels it, and is raised anew once it has ended."""
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heard: list[signal.Signals] = []

    async def watched() -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel(number: signal.Signals) -> None:
            heard.append(number)
            task.cancel()

        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                loop.add_signal_handler(number, cancel, number)
        return await work

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        if not heard:
            raise
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            signal.raise_signal(heard[0])
