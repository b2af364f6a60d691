"""A click becomes an event in Kafka without its redirect waiting for it, whatever the broker does. Lab 3."""

import asyncio
import itertools
import logging
import secrets
from datetime import UTC, datetime

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from shortener.lab3_cache_and_events.kafka_client import CLICKS, error_reporter, producer_settings

log = logging.getLogger(__name__)

HAND_OVER_SECONDS = 0.005  # clicks wait that long for others; librdkafka then waits 5 ms more
WAITING = 200_000  # events at most while the broker is away, about 80 MB
BOUNDS = {"queue.buffering.max.messages": WAITING, "queue.buffering.max.kbytes": 64 * 1024}
MESSAGE_TIMEOUT_MS = 600_000  # an event that the broker does not take for that long is given up
CLOSE_SECONDS = 3.0


class ClickEvents:
    """A producer whose `record` only notes the click. A timer of the loop hands the noted ones to librdkafka, whose own
    threads send them: measured at 1 to 2 µs a click in all, half of a call for each alone."""

    def __init__(self, servers: str, metrics: CollectorRegistry) -> None:
        """`servers` as in KAFKA_BOOTSTRAP_SERVERS. No server need be there: it is connected to in the background."""
        # Reports of success would cost more than the sending: what is neither waiting nor reported failed is sent.
        reports = {"delivery.report.only.error": True, "on_delivery": self._on_failure}
        limits = {"message.timeout.ms": MESSAGE_TIMEOUT_MS, **BOUNDS}
        self._producer = Producer({**producer_settings(servers), **limits, **reports})
        self._report = error_reporter()
        self._noted: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._run, self._numbers = secrets.token_hex(8), itertools.count()
        self._accepted = self._failed = self._refused = 0
        metrics.register(self)

    def record(self, link_id: str) -> None:
        """Call it on the loop, with an id of a link (which JSON need not escape). It neither waits nor raises."""
        self._noted.append(link_id)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HAND_OVER_SECONDS, self._hand_over)

    async def close(self) -> None:
        """Sends what is left, for 3 seconds at most. What stays behind then is told in the log."""
        if self._timer is not None:
            self._timer.cancel()
        self._hand_over()
        left = await asyncio.to_thread(self._producer.flush, CLOSE_SECONDS)
        if left:
            log.warning("%d clicks are lost: Kafka did not take them before the service had to stop", left)
            self._producer.purge()

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        """For /metrics."""
        self._producer.poll(0)  # what it has to say is among what waits
        waiting = len(self._producer)
        events = CounterMetricFamily("click_events", "Clicks by what became of their event.", labels=["outcome"])
        events.add_metric(["sent"], max(0, self._accepted - self._failed - waiting))
        events.add_metric(["dropped"], self._failed + self._refused)
        return [events, GaugeMetricFamily("click_events_waiting", "Events that the broker has yet to take.", waiting)]

    def _hand_over(self) -> None:
        self._timer = None
        noted, self._noted = self._noted, []
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        events = [
            {"value": f'{{"event_id":"{self._run}-{number}","link_id":"{link_id}","at":"{at}"}}'}
            for link_id, number in zip(noted, self._numbers, strict=False)
        ]
        try:
            accepted = self._producer.produce_batch(CLICKS, events)
            self._producer.poll(0)  # calls _on_failure
        except BufferError:
            accepted = 0
        except KafkaException as error:
            accepted = 0
            self._report(error.args[0])
        self._accepted += accepted
        self._refused += len(events) - accepted

    def _on_failure(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failed += 1
