"""`lab scale app N` and `lab deploy`: more copies of the service, fewer, or new ones, while they serve. Lab 4."""

from __future__ import annotations

import re
import time
from typing import Annotated

import typer

from infra import rolling
from infra.commands.context import current, say
from infra.errors import LabError


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
