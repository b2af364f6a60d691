"""`lab scale app N` and `lab deploy`: more copies of the service, fewer, or new ones, while they serve; and how the
balancer sees each. Lab 4."""

from __future__ import annotations

import http.client
import re
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from infra import rolling
from infra.commands.context import current, say
from infra.errors import LabError
from infra.runtime.drains import balancer_of
from infra.runtime.protocol import BoxStatus, Runtime


@dataclass(frozen=True)
class Seen:
    """One copy: what the balancer thinks of it, and the label that it answers with (None: it tells none)."""

    state: str
    check: str
    in_flight: int
    requests: int
    version: str | None

    def __str__(self) -> str:
        busy = f", {self.in_flight} in flight" if self.in_flight else ""
        return f"balancer: {self.state}{busy}" + (f", version {self.version}" if self.version else "")


def seen(runtime: Runtime, boxes: list[BoxStatus]) -> dict[str, Seen]:
    """Each copy that stands, by name; none before lab 4 or while the balancer does not answer."""
    try:
        known = balancer_of(runtime.stage, runtime.address).copies()
    except LabError:
        return {}
    return {
        box.name: Seen(copy.state, copy.check, copy.sessions, copy.requests, _version(box))
        for box in boxes
        if (copy := known.get(box.name)) is not None
    }


def _version(box: BoxStatus) -> str | None:
    """The label in `Served-By: app-2 (version 1)`."""
    if box.state != "running" or box.address is None:
        return None
    connection = http.client.HTTPConnection(box.address, timeout=1.0)
    try:
        connection.request("GET", "/healthz")
        found = re.search(r"\(version (.+)\)", connection.getresponse().headers.get("Served-By", ""))
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return found[1] if found else None


def scale(
    box: Annotated[str, typer.Argument(help="What gets copies: app.")],
    number: Annotated[int, typer.Argument(help="How many of them shall stand.")],
) -> None:
    """Let that many copies of the service stand, without a failed request."""
    if box != "app":
        raise LabError(f"{box} has no copies here: the service has, as in `lab scale app 5`.")
    began = time.monotonic()
    rolling.scale(current(), number, say)
    print(f"{number} {'copy stands' if number == 1 else 'copies stand'} ({time.monotonic() - began:.1f} s).")


def deploy(
    version: Annotated[str | None, typer.Option(help="The label of the new copies, such as 2.")] = None,
) -> None:
    """Replace each copy of the service by a new one, one after another, without a failed request."""
    if version is not None and not re.fullmatch(r"[\w.-]{1,40}", version, re.ASCII):
        raise LabError(f"--version {version!r} will not do: use up to 40 letters, digits, dots, - and _, such as 2.")
    began = time.monotonic()
    rolling.deploy(current(), version, say)
    label = f" Their label is {version}." if version else ""
    print(f"Every copy is a new one ({time.monotonic() - began:.1f} s).{label}")
