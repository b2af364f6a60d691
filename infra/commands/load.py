"""`lab load N`: the words; infra/commands/loading.py does it, and is read only when it is wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer


def load(
    lab: Annotated[int, typer.Argument(help="Which lab, such as 2.")],
    ui: Annotated[bool, typer.Option("--ui", help="Locust's own page in the browser, until Ctrl-C.")] = False,
    users: Annotated[int, typer.Option(min=1, max=1000, help="Visitors at once.")] = 10,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long. With --ui you say so on the page.")] = 30.0,
    rate: Annotated[float, typer.Option(min=0, help="Requests a second in all; 0: as fast as they can.")] = 200.0,
    write_share: Annotated[float, typer.Option(min=0, max=1, help="Share of the requests that make a link.")] = 0.2,
    search_share: Annotated[float, typer.Option(min=0, max=1, help="Share that search by url (from lab 2).")] = 0.0,
    change_share: Annotated[float, typer.Option(min=0, max=1, help="Share that change or delete (from lab 3).")] = 0.02,
    show_share: Annotated[float, typer.Option(min=0, max=1, help="Share that look at a link (from lab 3).")] = 0.02,
    key_share: Annotated[float, typer.Option(min=0, max=1, help="Share of new links with a key (from lab 3).")] = 0.5,
) -> None:
    """Put the lab's load on the standing stage."""
    from infra.commands.loading import put_load
    from infra.experiment.load.plan import Load

    wanted = Load(users, seconds, rate or None, write_share, search_share)
    put_load(lab, replace(wanted, change_share=change_share, show_share=show_share, key_share=key_share), ui=ui)
