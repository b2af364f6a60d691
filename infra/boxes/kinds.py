"""Every kind of native box: what `x-local: {box: …}` may name. A new kind is a module here and a line below."""

from __future__ import annotations

from collections.abc import Callable

from infra.boxes.native import NativeBox
from infra.boxes.postgres import PostgresBox
from infra.boxes.procfile import ProcfileBox

KINDS: dict[str, Callable[[], NativeBox]] = {"postgres": PostgresBox, "procfile": ProcfileBox}


def native(kind: str) -> NativeBox:
    """The kind of box that `x-local` names; the compose file's reader let no other name through."""
    return KINDS[kind]()
