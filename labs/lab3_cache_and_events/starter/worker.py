"""Counts the clicks. Your part: whatever is killed at whatever moment, each click is in the counts once."""

from events import follow


def apply(messages):
    """Add these clicks to the counts, all of them or none."""
    # TODO clicks-exact: a Counter, then one INSERT ... ON CONFLICT (link_id) DO UPDATE for all of them.
    # TODO clicks-worker-killed: Kafka delivers at least once, so the same messages may come again. Keep the offset of
    #      the next message beside the counts, by partition. In one transaction: SELECT it FOR UPDATE, skip the messages
    #      below it, add the others, and move it on.
    # TODO poison: a message that is no click goes to the topic `clicks.dead` as it is, with the headers `reason`,
    #      `topic`, `partition` and `offset`. Flush before you go on, or it may be nowhere.
    raise NotImplementedError("clicks are not counted yet: TODO clicks-exact in worker.py")


def positions():
    """Where the counts stand: {partition: next offset}."""
    # TODO clicks-worker-killed: from the table of the offsets.
    return {}


if __name__ == "__main__":
    follow("clicks", "worker", apply, positions)
