"""What a tool wrote to its standard output, for both runtimes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import IO


def written_by(run: Callable[[IO[bytes]], int]) -> tuple[int, str]:
    """The exit code of `run`, and what it wrote to the file that it is given."""
    with tempfile.TemporaryFile() as said:
        code = run(said)
        said.seek(0)
        return code, said.read().decode(errors="replace")
