"""The write with the later timestamp stands, the other one is gone. Pure. Lab 5.

The timestamp is of the clock of the region that took the write: what "later" means is what these clocks say, as in
Cassandra. Two equal ones are decided by the region's name, so that both regions decide alike."""

from dataclasses import dataclass

from shortener.lab5_failover.regions.versions import State, Written


@dataclass(frozen=True)
class LastWriteWins:
    """See Rule."""

    def owner(self, link_id: str) -> str | None:
        return None

    def write(self, present: State, url: str, read: str, here: str, at: int) -> State:
        """Nobody asks what the client had read. A clock that is behind makes a write that has lost already."""
        return self.merge(present, State((Written(at, here, 0, url),)))

    def merge(self, mine: State, theirs: State) -> State:
        return State(tuple(sorted((*mine.values, *theirs.values))[-1:]))

    def version(self, state: State) -> str:
        return "".join(f"{one.at}@{one.region}" for one in state.values)
