"""What the figures of a plan say, in words. Lab 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labs.lab4_many_copies.capacity.arithmetic import Line, value
from labs.lab4_many_copies.capacity.rates import TEXTBOOK, Rate
from labs.lab4_many_copies.capacity.units import amount, written

_ENOUGH = "So one is enough."
BIG = 1e12  # bytes: from there on one Postgres is a question


def meaning(known: Mapping[str, Rate], lines: Sequence[Line]) -> list[str]:
    return [_of_copies(lines), _of_postgres(known, lines), _of_cache(lines), _of_sources(known)]


def _of_copies(lines: Sequence[Line]) -> str:
    needed, copies = (value(lines, what) for what in ("with room to breathe", "and one may be lost"))
    if needed == 1:
        said = f"One copy could do it. The other of the {copies:.0f} is for the minute in which the first is lost"
    else:
        said = f"{needed:,.0f} copies carry the peak; one more, {copies:,.0f}, so that they still do when one is lost"
    return (
        f"{said}, or is deployed anew. The room to breathe is no luxury: a copy that is busy all of the time has a "
        "queue that does not end, and its latency with it."
    )


def _of_postgres(known: Mapping[str, Rate], lines: Sequence[Line]) -> str:
    size, writes = value(lines, "Postgres"), value(lines, "new links at the peak")
    fits = "one Postgres holds them with ease" if size < BIG else "one Postgres may hold them, and is slow to restore"
    one, beyond = known["writes"], writes > known["writes"].value
    limit = "more than" if beyond else "less than"
    end = "Before you split the links over several (sharding), measure what it takes from many." if beyond else _ENOUGH
    return (
        f"The links come to {amount(size, 'bytes')}: {fits}. Copies do not help it: all of them write to the same one. "
        f"At the peak it gets {written(writes)} links a second, {limit} the {written(one.value)} ({one.source}) that "
        f"one copy alone can send it. {end}"
    )


def _of_cache(lines: Sequence[Line]) -> str:
    memory, rest = value(lines, "memory"), value(lines, "the rest, at the peak")
    all_of_them = value(lines, "redirects at the peak")
    return (
        f"{amount(memory, 'bytes')} of cache leave {written(rest)} redirects a second to Postgres, by Zipf's law. When "
        f"the cache is lost it is {written(all_of_them)}: Postgres must bear that, or the service must shed load."
    )


def _of_sources(known: Mapping[str, Rate]) -> str:
    guessed = [name for name, rate in known.items() if rate.source == TEXTBOOK]
    if not guessed:
        return (
            "No figure is the textbook's. What was measured was measured with all boxes and the load itself on one "
            "machine, so that production does better; with real networks between them, latency does worse."
        )
    return (
        f"The textbook's, that is, orders of magnitude that nobody measured here: {', '.join(guessed)}. With a stage "
        "standing, `lab capacity --measure` puts this machine's in their place, and they are kept for the next time."
    )
