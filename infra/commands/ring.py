"""`lab ring`: how many keys change their copy when one leaves or joins, by modulo and on a consistent-hash ring."""

from __future__ import annotations

import random
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.errors import LabError

if TYPE_CHECKING:
    from labs.lab4_many_copies.copy_caches import Hits
    from labs.lab4_many_copies.moved_keys import Method, Moves

_SEED = 4  # the same keys each time: a lesson, not a measurement
_ROOM = 10  # per cent of all keys that fit into the cache of one copy
_MOST_COPIES, _FEWEST_KEYS, _MOST_KEYS = 34, 1_000, 100_000
_SIGNS = "123456789abcdefghijklmnopqrstuvwxyz"  # a copy's, on the picture


def ring(
    copies: Annotated[int, typer.Option(help="How many copies there are at first.")] = 3,
    keys: Annotated[int, typer.Option(help="How many keys are spread over them.")] = 10_000,
) -> None:
    """A copy leaves or joins: how many keys move, by modulo and on a ring. It needs no stage."""
    from labs.lab4_many_copies import copy_caches, moved_keys

    _within("--copies", copies, 2, _MOST_COPIES)
    _within("--keys", keys, _FEWEST_KEYS, _MOST_KEYS)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
    chosen = random.Random(_SEED)
    all_keys = [f"{chosen.getrandbits(40):x}" for _ in range(keys)]
    moves = moved_keys.compare(all_keys, copies)
    console.print(f"{keys:,} keys on {copies} copies. Then app-{copies} leaves, or app-{copies + 1} joins.\n")
    console.print(_moves_table(moves, copies))
    modulo, _, coarse, *_ = moved_keys.methods()
    console.print(picture([modulo, coarse], all_keys, copies, min(console.width, 120)))
    room = keys * _ROOM // 100
    hits = copy_caches.compare(copy_caches.requests(all_keys, chosen), copies, room)
    console.print(f"\nIf each copy kept the {room:,} keys that it was asked for last, and people ask as they do:\n")
    console.print(_hits_table(hits, copies))
    for sentences in _meaning(moves, hits, copies):
        console.print("\n" + textwrap.fill(sentences, console.width), markup=False)


def _within(option: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise LabError(f"{option} {value} will not do: name a number from {least:,} to {most:,}.")


def _moves_table(moves: Sequence[Moves], copies: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("a key's copy by", no_wrap=True)
    for column in (f"app-{copies} leaves", f"app-{copies + 1} joins", "fullest copy", "emptiest"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in moves:
        held = (f"{row.most:.2f} x", f"{row.least:.2f} x")
        table.add_row(row.method, f"{row.leaving:.1%} move", f"{row.joining:.1%} move", *held)
    table.add_row("even shares", f"{1 / copies:.1%} move", f"{1 / (copies + 1):.1%} move", "1.00 x", "1.00 x")
    return table


def picture(methods: Sequence[Method], keys: Sequence[str], copies: int, width: int) -> Text:
    """A row of keys in the order of their hashes: the copy of each before and after the last one left. The same keys
    give the same picture, and it reads without colour."""
    from labs.lab4_many_copies.moved_keys import names
    from labs.lab4_many_copies.ring import position

    label = max(10, len(f"app-{copies} left")) + 2
    shown = sorted(keys[: width - label - 2], key=position)
    drawn = Text(f"\n{len(shown)} of the keys, in the order of their hashes; the sign is the copy of each\n")
    for method in methods:
        before, after = (method.place_among(names(count)) for count in (copies, copies - 1))
        rows = ["".join(_SIGNS[int(place(key).removeprefix("app-")) - 1] for key in shown) for place in (before, after)]
        marks = "".join(" " if was == now else "^" for was, now in zip(*rows, strict=True))
        drawn.append(f"\n{method.name}\n", "bold")
        for name, row in zip(("before", f"app-{copies} left", "moved"), (*rows, marks), strict=True):
            drawn.append(f"  {name:<{label}}").append(row.rstrip() + "\n", "red" if row is marks else "")
    drawn.rstrip()
    return drawn


def _hits_table(hits: Sequence[Hits], copies: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("the balancer chooses by", "found there", f"just after app-{copies} left"):
        table.add_column(column, justify="left" if "by" in column else "right", no_wrap=True)
    for row in hits:
        table.add_row(row.method, f"{row.before:.1%}", f"{row.just_after:.1%}")
    return table


def _meaning(moves: Sequence[Moves], hits: Sequence[Hits], copies: int) -> list[str]:
    """Said from the figures, so that it is true of other numbers of copies too."""
    modulo, one_point, *_, finest = moves
    in_turn, by_modulo, on_ring = hits
    return [
        f"By modulo {modulo.leaving:.0%} of the keys moved, though only one in {copies} had lost its copy: when the "
        f"divisor changes, nearly every remainder does. On the ring with the most points {finest.leaving:.0%} moved: "
        "those of the copy that left, and no others. Where a key is looked for decides whether it is found, so each "
        "key that moves is a miss, and misses all at once are a herd on the database.",
        f"A point a copy is not enough: the fullest copy then held {one_point.most:.1f} times the mean here, and what "
        "the copy that left had went to one neighbour alone. More points even that out, and cost memory and a longer "
        f"search: with 1,000 the fullest held {finest.most:.2f} times the mean.",
        f"Where a ring pays: when a copy keeps something. In turn, every copy sees every link, so all caches hold the "
        f"same ones and {in_turn.before:.0%} of the requests find theirs. With a copy for each link the caches add up: "
        f"{on_ring.before:.0%}. When one copy went, the ring fell to {on_ring.just_after:.0%} and modulo to "
        f"{by_modulo.just_after:.0%}.",
        "Where it does not: here. The kit's copies keep nothing, their cache is in Redis, and any copy can answer for "
        "any link. A ring would only send the most wanted link to one copy and leave it there, however slow that copy "
        "is: `lab balance` shows it.",
    ]
