"""What a region knows of a link: the values that stand, and which writes it has seen. Pure: no I/O. Lab 5."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shortener.lab1_file.links import checked_url

DIGITS = 18  # that a number has at most: it fits into 64 bits, with all that will be counted on from it

Vector = Mapping[str, int]  # for each region, how many of its writes of this link have been seen


@dataclass(frozen=True, slots=True, order=True)
class Written:
    """One write. `at` is the clock of the region that took it (microseconds); `number` its how-manieth of that link."""

    at: int
    region: str
    number: int
    url: str


@dataclass(frozen=True, slots=True)
class State:
    """`values` are what stands, sorted: one, or several when writes were concurrent and the rule keeps them."""

    values: tuple[Written, ...] = ()
    seen: Vector = field(default_factory=dict)


class Stale(Exception):  # noqa: N818 - a verdict, not a mishap
    """The writer had not seen what stands: `state`."""

    def __init__(self, state: State):
        super().__init__("the link has changed since you read it, or you have not read it")
        self.state = state


class Rule(Protocol):
    """What becomes of two writes of one link. Each method is a pure function of what it is given."""

    def owner(self, link_id: str) -> str | None:
        """The one region that may decide; None when each may."""

    def write(self, present: State, url: str, read: str, here: str, at: int) -> State:
        """The state after a client's write. `read` is the version that it has read, empty when none.

        Raises Stale when the rule wants it to read again, ValueError when `read` is no version."""

    def merge(self, mine: State, theirs: State) -> State:
        """The state after the other region's has come in. Whatever the order, and however often."""

    def version(self, state: State) -> str:
        """What a client gets with what it reads, and hands back when it writes; empty when there is no link."""


def vector_in_words(vector: Vector) -> str:
    """`east:3,west:1`"""
    return ",".join(f"{region}:{number}" for region, number in sorted(vector.items()))


def vector_of_words(words: str) -> Vector:
    """Raises ValueError for what is no vector."""
    pairs = [pair.rpartition(":") for pair in words.split(",") if words]
    if any(not region or not number.isdecimal() or len(number) > DIGITS for region, _, number in pairs):
        raise ValueError(f"{words[:80]} is no version: hand back the one that you have read")
    return {region: int(number) for region, _, number in pairs}


def to_document(state: State) -> dict[str, Any]:
    """As it stands in Postgres and goes to the other region."""
    values = [{"url": one.url, "region": one.region, "number": one.number, "at": one.at} for one in state.values]
    return {"values": values, "seen": dict(state.seen)}


def from_document(document: Any) -> State:
    """Raises ValueError, KeyError or TypeError for what `to_document` never made."""
    values = [
        Written(int(one["at"]), str(one["region"]), int(one["number"]), str(one["url"])) for one in document["values"]
    ]
    return State(tuple(sorted(values)), {str(region): int(number) for region, number in dict(document["seen"]).items()})


def received(document: Any, regions: Collection[str]) -> State:
    """What the other one of these regions has sent. Raises ValueError, KeyError or TypeError for what none sends: it
    would stand in the link's version from then on, or be no number for JSON, and nobody could read the link."""
    state = from_document(document)
    for region, number in state.seen.items():
        if region not in regions or not 0 <= number < 10**DIGITS:
            raise ValueError(f"no region has written that often: {region}, {number}")
    for one in state.values:
        counted = one.region in regions and 0 <= one.number <= state.seen.get(one.region, 0)
        if not counted or abs(one.at) >= 10**DIGITS:
            raise ValueError(f"no region has written this: {one}")
        checked_url(one.url)
    return state
