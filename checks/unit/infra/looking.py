"""How the tests of the local runtime look at a stage."""

from __future__ import annotations

import http.client
from pathlib import Path

from infra.runtime.local.runtime import LocalRuntime
from infra.runtime.protocol import BoxStatus


def get(runtime: LocalRuntime, path: str) -> int:
    """The status that the service answers; 0 when it does not."""
    return status_at(("127.0.0.1", runtime.project.port), path, seconds=5)


def status_at(address: tuple[str, int], path: str, seconds: float) -> int:
    """The status that a server answers there within so many seconds; 0 when it does not."""
    connection = http.client.HTTPConnection(*address, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def quiet(_: str) -> None:
    """No progress wanted."""


def shown(runtime: LocalRuntime, box: str) -> BoxStatus:
    name = runtime.stage.box(box).name
    return next(status for status in runtime.status() if status.name == name)


def volume(runtime: LocalRuntime, name: str) -> Path:
    return runtime.project.folder / "volumes" / name
