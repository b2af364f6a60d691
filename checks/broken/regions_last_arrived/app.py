"""What arrives from the other region is laid over what is there."""

from shortener.lab5_failover.regions.__main__ import main
from shortener.lab5_failover.regions.last_write_wins import LastWriteWins
from shortener.lab5_failover.regions.versions import State, Written


def write(self: LastWriteWins, present: State, url: str, read: str, here: str, at: int) -> State:
    return State((Written(at, here, 0, url),))


def merge(self: LastWriteWins, mine: State, theirs: State) -> State:
    return theirs


LastWriteWins.write = write  # type: ignore[method-assign]
LastWriteWins.merge = merge  # type: ignore[method-assign]
main()
