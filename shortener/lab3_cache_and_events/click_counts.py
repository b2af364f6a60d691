"""Counts of clicks in Postgres, each click once: the offset up to which they are counted moves with them. Lab 3."""

from collections.abc import Mapping, Sequence

import psycopg

from shortener.lab3_cache_and_events.clicks_in import clicks_in
from shortener.lab3_cache_and_events.consumer import Batch, Failures
from shortener.lab3_cache_and_events.database import Database
from shortener.lab3_cache_and_events.dead_letters import DeadLetters
from shortener.lab3_cache_and_events.delivery import Undelivered
from shortener.lab3_cache_and_events.kafka_client import CLICKS

CONSUMER = "worker"

BEGIN = """
INSERT INTO consumed (consumer, topic, partition, next_offset)
SELECT %s, %s, unnest(%s::int[]), 0 ON CONFLICT DO NOTHING"""

POSITIONS = "SELECT partition, next_offset FROM consumed WHERE consumer = %s AND topic = %s AND partition = ANY (%s)"

# Compare and set: it moves a partition on only from where this batch began.
MOVE_ON = """
UPDATE consumed SET next_offset = later
FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS moves (of_partition, earlier, later)
WHERE consumer = %s AND topic = %s AND partition = of_partition AND next_offset = earlier"""

# The ids come in order, so that two workers cannot wait for each other's rows; as one text, which is quicker to send.
ADD = """
INSERT INTO click_counts AS counts (link_id, clicks)
SELECT * FROM unnest(string_to_array(%s, ' '), %s::bigint[])
ON CONFLICT (link_id) DO UPDATE SET clicks = counts.clicks + excluded.clicks"""


class ClickCounts:
    """See consumer.Results. A worker that was paused while another took over finds the offsets moved on, and counts
    nothing: neither does one that does not know whether its last transaction was committed."""

    failures: Failures = (psycopg.Error, Undelivered)

    def __init__(self, database: Database, dead: DeadLetters) -> None:
        self._database, self._dead = database, dead

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        connection = self._database.connection()
        connection.execute(BEGIN, (CONSUMER, CLICKS, list(partitions)))
        rows = connection.execute(POSITIONS, (CONSUMER, CLICKS, list(partitions))).fetchall()
        return dict(rows)

    def apply(self, batch: Batch) -> bool:
        clicks, wrong = clicks_in([message.value() for message in batch.messages])
        self._dead.set_aside([(batch.messages[index], reason) for index, reason in wrong.items()])
        ids = sorted(clicks)
        moves = [
            list(batch.before),
            list(batch.before.values()),
            [batch.after[partition] for partition in batch.before],
        ]
        connection = self._database.connection()
        with connection.transaction() as transaction:
            moved = connection.execute(MOVE_ON, (*moves, CONSUMER, CLICKS)).rowcount
            if moved != len(batch.after):
                raise psycopg.Rollback(transaction)
            connection.execute(ADD, (" ".join(ids), [clicks[link_id] for link_id in ids]))
            return True
        return False
