"""`python -m shortener.lab3_cache_and_events.worker`: counts the clicks in Postgres, until SIGTERM or SIGINT. Lab 3."""

import os

from prometheus_client import CollectorRegistry

from shortener.lab3_cache_and_events.click_counts import CONSUMER, ClickCounts
from shortener.lab3_cache_and_events.consumer import Follower
from shortener.lab3_cache_and_events.database import Database
from shortener.lab3_cache_and_events.dead_letters import DeadLetters
from shortener.lab3_cache_and_events.delivery import Delivery
from shortener.lab3_cache_and_events.kafka_client import CLICKS
from shortener.lab3_cache_and_events.process import Stopping, run

BATCH = "20000"  # events at most; the variable CLICK_BATCH sets another number
MOST = 50_000  # the dead letters' producer takes as many at once, if all of them are poison


def batch_size() -> int:
    text = os.environ.get("CLICK_BATCH", BATCH)
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ValueError(f"CLICK_BATCH is a number of events from 1 to {MOST:,}.")
    return int(text)


def main(metrics: CollectorRegistry, stopping: Stopping) -> None:
    dead = DeadLetters(Delivery(os.environ["KAFKA_BOOTSTRAP_SERVERS"], stopping), metrics)
    counts = ClickCounts(Database(os.environ["DATABASE_URL"], CONSUMER), dead)
    Follower(CLICKS, CONSUMER, batch_size(), metrics, stopping).follow(counts)


if __name__ == "__main__":
    run(main)
