"""Makes a link only if the broker takes its event at once."""

import asyncio
import os

from confluent_kafka import Producer

from checks.broken.spoil import run
from shortener.lab1_file.links import Link, Unavailable
from shortener.lab3_cache_and_events.link_events import LinkEvents

plain_add = LinkEvents.add
producer = Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "log_level": 0})


async def add(self: LinkEvents, url: str) -> Link:
    producer.produce("links", b"{}")
    if await asyncio.to_thread(producer.flush, 1.0):
        producer.purge()
        raise Unavailable("the broker takes no events")
    return await plain_add(self, url)


LinkEvents.add = add  # type: ignore[method-assign]
run()
