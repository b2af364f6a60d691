"""The environment of a native box: the compose file's, with boxes and mounts where they are on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.compose.box import Box
from infra.errors import LabError
from infra.stage import mentions

_KEPT = ("HOME", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def base_environment() -> dict[str, str]:
    """What every box gets from this machine: where programs, the home and certificates are. Nothing else leaks in."""
    found = {name: os.environ[name] for name in _KEPT if name in os.environ}
    programs = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**found, "PATH": programs, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def native_environment(
    box: Box, boxes: tuple[Box, ...], folders: Mapping[str, Path], locate: Callable[[Box, int], int]
) -> dict[str, str]:
    """The box's own variables. `locate(other, port)` is where on 127.0.0.1 it reaches that box's port."""
    return {name: _here(value, box, boxes, folders, locate) for name, value in box.environment.items()}


def _here(
    value: str,
    box: Box,
    boxes: tuple[Box, ...],
    folders: Mapping[str, Path],
    locate: Callable[[Box, int], int],
) -> str:
    """The value with `name:port` of other boxes replaced by their addresses, or a path below a mount by its folder."""
    for target, folder in folders.items():
        if value == target or value.startswith(target.rstrip("/") + "/"):
            return str(folder / value[len(target) :].lstrip("/"))
    parts: list[str] = []
    position = 0
    for other, port, (start, end) in mentions(value, boxes):
        if other.name == box.name:
            continue
        if port not in {*(declared.target for declared in other.ports), *other.exposed}:
            raise LabError(
                f"{box.name} wants {other.name}:{port}, but {other.name} has no such port."
                f' Add "127.0.0.1::{port}" to its `ports` in docker-compose.yml.'
            )
        parts += [value[position:start], f"127.0.0.1:{locate(other, port)}"]
        position = end
    return "".join(parts) + value[position:]
