"""Concurrent writes are kept side by side, as siblings, until a client that has read them writes. Pure. Lab 5.

A version vector says of each region how many of its writes are in what a client has read (Parker and others, 1983). A
write replaces what its client had read, and nothing else: what it did not know of stays beside it, as in Dynamo (2007)
and Riak. Each value carries its own region and number (its *dot*), for two clients of one region may write at once too:
with a vector alone, the second seems to have read the first (Preguiça and others, "Dotted Version Vectors", 2010)."""

from dataclasses import dataclass

from shortener.lab5_failover.regions.versions import Stale, State, Vector, Written, vector_in_words, vector_of_words

SIBLINGS = 50  # that a region adds to: each of them is stored and sent with every write of the link


@dataclass(frozen=True)
class VersionVector:
    """See Rule."""

    def owner(self, link_id: str) -> str | None:
        return None

    def write(self, present: State, url: str, read: str, here: str, at: int) -> State:
        """The client's word for what it has read is believed as far as this region has seen it too: who could speak of
        more could make writes vanish that are yet to come. Read in the other region and not arrived here, it stays
        beside the new one: a sibling too many, and none too few."""
        known = {region: min(number, present.seen.get(region, 0)) for region, number in vector_of_words(read).items()}
        number = present.seen.get(here, 0) + 1
        kept = [one for one in present.values if not _covers(known, one)]
        if len(kept) >= SIBLINGS:
            raise Stale(present)
        return State(tuple(sorted((*kept, Written(at, here, number, url)))), {**present.seen, here: number})

    def merge(self, mine: State, theirs: State) -> State:
        """A value goes when the other side has seen it and has it no more: somebody replaced it there."""
        both = set(mine.values) & set(theirs.values)
        ours = {one for one in mine.values if not _covers(theirs.seen, one)}
        new = {one for one in theirs.values if not _covers(mine.seen, one)}
        return State(tuple(sorted(both | ours | new)), _joined(mine.seen, theirs.seen))

    def version(self, state: State) -> str:
        return vector_in_words(state.seen)


def _covers(seen: Vector, one: Written) -> bool:
    return one.number <= seen.get(one.region, 0)


def _joined(one: Vector, other: Vector) -> Vector:
    return {region: max(one.get(region, 0), other.get(region, 0)) for region in {*one, *other}}
