"""Each link has one region that decides, its owner; the other one sends it what its clients write. Pure. Lab 5.

The owner takes one write after the other, and only from who has read the one before: nothing is overwritten unseen."""

from dataclasses import dataclass

from shortener.lab5_failover.regions.versions import Stale, State, Written, vector_in_words


@dataclass(frozen=True)
class OwnerRegion:
    """See Rule. `regions` are all there are."""

    regions: tuple[str, ...]

    def owner(self, link_id: str) -> str | None:
        """It stands in the link's id: `east-1` is east's. Of one without, the first region by name."""
        named = link_id.partition("-")[0]
        return named if named in self.regions else min(self.regions)

    def write(self, present: State, url: str, read: str, here: str, at: int) -> State:
        if read != self.version(present):
            raise Stale(present)
        number = present.seen.get(here, 0) + 1
        return State((Written(at, here, number, url),), {here: number})

    def merge(self, mine: State, theirs: State) -> State:
        """The owner's later write: it alone numbers them."""
        return max(mine, theirs, key=lambda state: max(state.seen.values(), default=0))

    def version(self, state: State) -> str:
        return vector_in_words(state.seen)
