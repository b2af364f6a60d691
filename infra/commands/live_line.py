"""The last line of the terminal while load runs: time, requests a second, failures. In a pipe there is no such line."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console

if TYPE_CHECKING:
    from infra.experiment.experiment import Tick


class LiveLine:
    """Sentences above, one line that changes below them. Both may come from different threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._terminal = console.is_terminal and not console.is_dumb_terminal
        self._shown = 0  # columns that the changing line takes now
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._clear()

    def say(self, sentence: str) -> None:
        """A `Progress`: a sentence that stays."""
        with self._lock:
            self._clear()
            self._console.print(f"  {sentence}", markup=False)

    def show(self, tick: Tick) -> None:
        """A `Live`: how the load is doing right now."""
        if not self._terminal:
            return
        unknown = f", {tick.unknown:,} unknown" if tick.unknown else ""
        line = f"  {tick.seconds:5.1f} s  {tick.rate:>5,} requests/s  {tick.failed:,} failed{unknown}"
        with self._lock:
            self._console.file.write("\r" + line.ljust(self._shown))
            self._console.file.flush()
            self._shown = len(line)

    @contextlib.contextmanager
    def stdout_too(self) -> Iterator[None]:
        """Meanwhile what anyone prints on standard output, child processes too, goes to standard error."""
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)

    def _clear(self) -> None:
        if self._shown:
            self._console.file.write("\r" + " " * self._shown + "\r")
            self._console.file.flush()
            self._shown = 0
