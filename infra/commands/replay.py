"""`lab replay`: two database sessions in two columns, on the standing stage's Postgres."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from infra.commands.context import current

if TYPE_CHECKING:
    from labs.lab2_postgres.replay.theatre import Turn

STYLES = {"sql": "bold", "result": "green", "woke": "green", "waits": "yellow", "error": "red"}
MARKS = {"sql": "", "result": "  = ", "woke": "  waits no more: ", "waits": "  ", "error": "  "}


def replay(
    name: Annotated[str, typer.Argument(help="deadlock, lost-update or write-skew.")],
    step: Annotated[bool, typer.Option("--step", help="Wait for Enter before each statement.")] = False,
) -> None:
    """Two sessions, step by step, on the stage's own Postgres: who waits, who is refused, and the cure."""
    from labs.lab2_postgres.database import database_url
    from labs.lab2_postgres.replay import plays

    plays.known(name)
    console = Console(highlight=False)
    width = max(24, min(console.width, 120) // 2 - 2)

    def tell(turn: Turn) -> None:
        if step and turn.kind == "sql":
            _wait_for_enter()
        for line in _lines(turn, width):
            console.print(line, soft_wrap=True)

    seen = plays.replay(name, database_url(current()), tell)
    console.print("\n[bold]What you saw[/]")
    for sentence in seen:
        console.print(
            textwrap.fill(sentence, console.width, initial_indent=" - ", subsequent_indent="   "), markup=False
        )


def _lines(turn: Turn, width: int) -> list[Text]:
    """A turn in its session's column: A left, B right; a scene's title over both."""
    if turn.kind == "scene":
        return [Text(), Text(turn.text, style="bold underline"), Text("A".ljust(width + 2) + "B", style="dim")]
    indent = 0 if turn.session == "A" else width + 2
    wrapped = textwrap.wrap(MARKS[turn.kind] + turn.text, width, subsequent_indent="    ", drop_whitespace=True)
    return [Text(" " * indent).append(line, STYLES[turn.kind]) for line in wrapped]


def _wait_for_enter() -> None:
    try:
        input()
    except EOFError:
        return
