"""Many links at once, by the app's own `seed` process: a million over HTTP would take longer than anyone waits."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import IO

from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, inconclusive
from infra.procfile import read_procfile


def seed(stand: Stand, links: int) -> None:
    """Bring a stage of the run's own to at least so many seeded links."""
    more = links - stand.seeded
    if more <= 0:
        return
    if "seed" not in read_procfile(stand.project.app):
        inconclusive(
            f"the app's Procfile has no `seed` process (`seed: command`, given a number) to make {links:,} links"
        )
    with tempfile.TemporaryFile() as output:
        with everything_into(output.fileno()):
            code = stand.runtime.run("seed", [str(more)])
        said = end_of(output)
    if code:
        raise CheckFailed(did=f"Ran `seed {more}`.", expected="exit code 0", got=f"exit code {code}: {said}")
    stand.seeded = links


def end_of(output: IO[bytes]) -> str:
    """The last words of what was written there."""
    output.seek(0)
    return output.read()[-500:].decode("utf-8", "replace").strip()


@contextlib.contextmanager
def everything_into(target: int) -> Iterator[None]:
    """File descriptors 1 and 2, which a child process inherits, lead to `target`: no progress bar in the report."""
    kept = [(number, os.dup(number)) for number in (1, 2)]
    try:
        for number in (1, 2):
            os.dup2(target, number)
        yield
    finally:
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)
