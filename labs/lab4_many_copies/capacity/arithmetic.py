"""The arithmetic of capacity, and nothing else: each line holds its formula with the numbers filled in. Lab 4."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labs.lab4_many_copies.capacity.assumptions import Assumptions
from labs.lab4_many_copies.capacity.units import written

DAY, MONTH = 86_400, 30 * 86_400  # seconds
IDS = 62**7  # seven characters of base62
KAFKA_DAYS = 7  # that Kafka keeps an event, unless told otherwise
EULER = 0.577  # 1 + 1/2 + ... + 1/n is ln n and this, nearly
TIMES, OVER, MINUS = " \N{MULTIPLICATION SIGN} ", " \N{DIVISION SIGN} ", " \N{MINUS SIGN} "

Quantity = tuple[float, str]  # a number, and the words that follow it in a formula
Formula = tuple[str, float]  # as it is written, and what it comes to


@dataclass(frozen=True)
class Line:
    """One step. `value` is exact; the numbers in `formula` are written with three digits or more."""

    group: str
    what: str
    formula: str
    value: float
    unit: str


def plan(assumed: Assumptions, rates: Mapping[str, float]) -> list[Line]:
    """From people to machines. `rates` are those of rates.KINDS."""
    traffic = _traffic(assumed)
    storage = _storage(assumed, rates, traffic)
    return [
        *traffic,
        *storage,
        *_bandwidth(assumed, rates, traffic),
        *_cache(assumed, rates, traffic, value(storage, "links in all")),
        *_copies(assumed, rates, traffic),
    ]


def value(lines: Sequence[Line], what: str) -> float:
    """That of the line called so."""
    return next(line.value for line in lines if line.what == what)


def _traffic(assumed: Assumptions) -> list[Line]:
    group, peak = "Traffic", (assumed.peak, "")
    a_day = assumed.users * assumed.writes_a_day
    writes = a_day / DAY
    reads = writes * assumed.read_ratio
    return [
        Line(group, "new links a day", *product((assumed.users, " users"), (assumed.writes_a_day, " links")), ""),
        Line(group, "new links a second", *quotient((a_day, ""), (DAY, " s")), "/s"),
        Line(group, "redirects a second", *product((writes, "/s"), (assumed.read_ratio, " a link")), "/s"),
        Line(group, "new links at the peak", *product((writes, "/s"), peak), "/s"),
        Line(group, "redirects at the peak", *product((reads, "/s"), peak), "/s"),
    ]


def _storage(assumed: Assumptions, rates: Mapping[str, float], traffic: Sequence[Line]) -> list[Line]:
    group = "Storage"
    a_day, reads = value(traffic, "new links a day"), value(traffic, "redirects a second")
    links = a_day * 365 * assumed.years
    url, room = product((rates["url-copies"], ""), (assumed.link_size, " bytes of url"))
    row = rates["row"] + room
    all_of_it = ((links, ""), (row, " bytes"))
    clicks = ((reads, "/s"), (KAFKA_DAYS * DAY, " s"), (rates["event"], " bytes"))
    return [
        Line(group, "links in all", *product((a_day, " a day"), (365, ""), (assumed.years, " years")), ""),
        Line(group, "a link in Postgres", f"{written(rates['row'])} bytes + {url}", row, "bytes"),
        Line(group, "Postgres", *product(*all_of_it), "bytes"),
        Line(group, "Postgres and a backup", *product(*all_of_it, (2, "")), "bytes"),
        Line(group, f"clicks, {KAFKA_DAYS} days in Kafka", *product(*clicks), "bytes"),
        Line(group, "ids there are for each", *quotient((IDS, ""), (links, "")), ""),
    ]


def _bandwidth(assumed: Assumptions, rates: Mapping[str, float], traffic: Sequence[Line]) -> list[Line]:
    group, bits = "Bandwidth", (8, "")
    reads, peak = (value(traffic, f"redirects {when}") for when in ("a second", "at the peak"))
    of_answer, answer = total((rates["answer"], " bytes"), (assumed.link_size, " bytes of url"))
    event = rates["event"]
    return [
        Line(group, "an answer", of_answer, answer, "bytes"),
        Line(group, "answers at the peak", *product((peak, "/s"), (answer, " bytes"), bits), "bit/s"),
        Line(group, "answers in a month", *product((reads, "/s"), (MONTH, " s"), (answer, " bytes")), "bytes"),
        Line(group, "clicks at the peak", *product((peak, "/s"), (event, " bytes"), bits), "bit/s"),
    ]


def _cache(assumed: Assumptions, rates: Mapping[str, float], traffic: Sequence[Line], links: float) -> list[Line]:
    """Hits by Zipf's law: the k-th most wanted link is asked for in proportion to 1/k."""
    group, links = "Cache", max(1.0, links)
    hot = max(1.0, links * assumed.hot_share)
    of_entry, entry = total((rates["entry"], " bytes"), (assumed.link_size, " bytes of url"))
    hits = (math.log(hot) + EULER) / (math.log(links) + EULER)
    of_hits = f"(ln {written(hot)} + {EULER}){OVER}(ln {written(links)} + {EULER})"
    peak = value(traffic, "redirects at the peak")
    of_others = f"{written(peak)}/s{TIMES}(1{MINUS}{written(hits)})"
    return [
        Line(group, "links to hold", product((links, ""), (assumed.hot_share, ""))[0], hot, ""),
        Line(group, "an entry", of_entry, entry, "bytes"),
        Line(group, "memory", *product((hot, ""), (entry, " bytes")), "bytes"),
        Line(group, "share found there", of_hits, hits, ""),
        Line(group, "the rest, at the peak", of_others, peak * (1 - hits), "/s"),
    ]


def _copies(assumed: Assumptions, rates: Mapping[str, float], traffic: Sequence[Line]) -> list[Line]:
    group = "Copies"
    reads, writes = (value(traffic, f"{what} at the peak") for what in ("redirects", "new links"))
    of_reads, by_reads = quotient((reads, "/s"), (rates["redirects"], "/s"))
    of_writes, by_writes = quotient((writes, "/s"), (rates["writes"], "/s"))
    needed = max(1, math.ceil((by_reads + by_writes) / assumed.busy))
    of_all = f"({written(by_reads)} + {written(by_writes)}){OVER}{written(assumed.busy)}, rounded up"
    return [
        Line(group, "busy with redirects", of_reads, by_reads, ""),
        Line(group, "busy with new links", of_writes, by_writes, ""),
        Line(group, "with room to breathe", of_all, needed, ""),
        Line(group, "and one may be lost", *total((needed, ""), (1, "")), "copies"),
    ]


def product(*factors: Quantity) -> Formula:
    return TIMES.join(_words(factors)), math.prod(number for number, _ in factors)


def quotient(dividend: Quantity, divisor: Quantity) -> Formula:
    return OVER.join(_words((dividend, divisor))), dividend[0] / divisor[0]


def total(*parts: Quantity) -> Formula:
    return " + ".join(_words(parts)), sum(number for number, _ in parts)


def _words(quantities: Sequence[Quantity]) -> list[str]:
    return [written(number) + words for number, words in quantities]
