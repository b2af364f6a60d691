"""`lab break N [EXPERIMENT]`: the words; infra/commands/breaking.py does it, and is read only when it is wanted."""

from __future__ import annotations

from typing import Annotated

import typer


def break_(
    lab: Annotated[int, typer.Argument(help="Which lab, such as 2.")],
    name: Annotated[str | None, typer.Argument(metavar="[EXPERIMENT]", help="Which failure; see --list.")] = None,
    predict: Annotated[
        str | None, typer.Option(help="Your prediction, such as B, for when nobody can be asked.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the lab's experiments.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Break a lab's stage under load: predict, run, compare."""
    from infra.commands import breaking

    if show_list:
        breaking.print_list(lab, as_json)
    else:
        breaking.break_stage(lab, name, predict, as_json)
