"""`lab trace URL`: where the time of one request goes, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.commands.context import current
from infra.errors import LabError
from labs.lab1_file.latency.figures import in_words

if TYPE_CHECKING:
    from labs.lab1_file.request_parts import Anatomy

WIDTH = 32  # characters of the picture
KEY_HEADERS = ("location", "content-type", "content-length", "cache-control", "retry-after", "server")
MEANINGS = {
    "DNS": "the name becomes an IP address",
    "connect": "the TCP handshake: one round trip",
    "TLS": "keys are agreed on, the certificate is checked",
    "send": "the request goes out",
    "wait": "until the answer's head is here: a trip there, the server's work, a trip back",
    "receive": "the rest of the answer",
}


def trace(
    url: Annotated[
        str | None, typer.Argument(help="An http(s) URL; the standing stage's /healthz if left out.")
    ] = None,
) -> None:
    """Take one GET request apart: DNS, connect, TLS, send, wait, receive."""
    from labs.lab1_file.request_parts import take_apart

    if url is None:
        host, port = current().address("app")
        url = f"http://{host}:{port}/healthz"
    anatomy = take_apart(url)
    _print(anatomy, Console(highlight=False))
    if anatomy.failure:
        raise LabError(anatomy.failure)


def _print(anatomy: Anatomy, console: Console) -> None:
    console.print(f"GET {anatomy.url}" + (f"   ({anatomy.address})" if anatomy.address else ""), markup=False)
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    table.add_column()
    for part in anatomy.parts:
        bar = _bar(part.start, part.seconds, anatomy.seconds)
        table.add_row(part.name, in_words(part.seconds), bar, MEANINGS[part.name])
    if anatomy.parts and anatomy.status is not None:
        table.add_row("total", in_words(anatomy.seconds))
    console.print(table)
    if anatomy.status is None:
        return
    console.print(f" status {anatomy.status}, {anatomy.received} bytes" + (f", {anatomy.tls}" if anatomy.tls else ""))
    for name, value in anatomy.headers:
        if name.lower() in KEY_HEADERS:
            console.print(f" {name}: {value}", markup=False)


def _bar(start: float, seconds: float, total: float) -> str:
    """The part's place on a line that is the whole request; at least one character, so that it is seen."""
    begin = min(round(WIDTH * start / total), WIDTH - 1) if total else 0
    length = max(1, min(round(WIDTH * seconds / total), WIDTH - begin)) if total else 1
    return ("·" * begin + "█" * length).ljust(WIDTH, "·")
