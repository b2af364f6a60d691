"""`lab hint N`: help for the check that failed last, a little more each time it is asked for."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from infra.commands.context import lab_number
from infra.hints import Hint, last_failed, next_hint

TITLES = {"nudge": "A nudge", "pointer": "A pointer", "shape": "The shape of the answer"}


def hint(
    lab: Annotated[int, typer.Argument(help="Which lab, such as 2.")],
    check: Annotated[str | None, typer.Argument(help="A check's name; the one that failed last if left out.")] = None,
) -> None:
    """A hint for what failed last: a nudge, then a pointer, then the shape of the answer."""
    lab_number(lab)
    failed = last_failed(lab)
    name = check or (failed[0] if failed else None)
    if name is None:
        state = f"Lab {lab} was not what was checked last" if failed is None else "Everything passed"
        print(
            f"{state}, so there is nothing to hint at. Run `make check-{lab}`, or name a check: `lab hint {lab} NAME`."
        )
        return
    found = next_hint(lab, name.replace("_", "-"))
    print(f"{TITLES[found.layer]} for the check {found.check}:\n\n{_wrapped(found)}\n")
    if found.more:
        print(f"Still stuck? `lab hint {lab}{f' {check}' if check else ''}` once more says more.")
    others = [other for other in failed or [] if other != name]
    if others and check is None:
        print(f"After it: {', '.join(others)}.")


def _wrapped(found: Hint) -> str:
    """Sentences are wrapped; the shape of an answer keeps its lines."""
    return found.text if found.layer == "shape" else textwrap.fill(found.text, 90)
