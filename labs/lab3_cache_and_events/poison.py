"""Lab 3: events that nobody can understand lie in the worker's way."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.lag import bootstrap
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab3_cache_and_events.servers import lag_gauge

_DEAD = "clicks.dead"
_PATIENCE = 10.0  # seconds until the poison must be set aside


def poison() -> Experiment:
    events = Poison()
    return Experiment(
        name="poison",
        lab=3,
        title="a poison event in the topic",
        question=f"""Somebody writes {len(events.values)} events to the topic `clicks` that are no clicks: no JSON, no
            link, not even text. The worker meets them while it counts the others. What does it do?""",
        answers=(
            "It ends with an error. Started again, it meets them again: counting stops until somebody removes them.",
            "It skips them, and nobody ever knows.",
            f"It sets them aside in the topic `{_DEAD}` with the reason, and counts on.",
        ),
        right=_what_it_did,
        load=Load(users=10, seconds=9.0, rate=200.0, write_share=0.05),
        schedule=(
            At(3.0, f"{len(events.values)} poison events", events.put),
            At(9.1, f"a look into {_DEAD}", events.look),
        ),
        needs=("kafka",),
        gauges=(lag_gauge(),),
        explanation="""Of {poison_events} poison events {set_aside} lie in clicks.dead, {with_a_reason} of them with
            their reason. {clicks_seen} redirects were seen and {clicks_counted} clicks counted: lost
            {clicks_lost}, doubled {clicks_doubled}. A log is read in order, so an event that can never be
            handled stands in the way of all that come after it; trying again helps against a server that is
            away, never against bytes that make no sense. So tell the two apart: wait for what will come back,
            set aside what will not, together with the reason and where it was found, and raise an alarm on the
            size of the dead letter topic. Then a person can mend the cause and send them again. To skip them in
            silence would look the same on every graph.""",
    )


@dataclass
class Poison:
    """Five ways to be no click. Each holds a word of its own, by which it is found again."""

    word: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def values(self) -> tuple[bytes, ...]:
        word = self.word.encode()
        return (
            b"not JSON " + word,
            b'{"no link": "%b"}' % word,
            b'["a list", "%b"]' % word,
            b'{"event_id": "%b", "link_id": 7, "at": "yesterday"}' % word,
            b"\xff\xfe\x00" + word,
        )

    def put(self, stage: Runtime) -> None:
        """Raises LabError when Kafka does not take them."""
        producer = Producer({"bootstrap.servers": bootstrap(stage), "log_level": 0})
        for value in self.values:
            producer.produce("clicks", value)
        if producer.flush(5.0):
            raise LabError("Kafka does not take events from this machine. See `lab status` and `lab logs kafka`.")

    def look(self, stage: Runtime) -> dict[str, float]:
        """How many of them lie in the dead letter topic, and how many of these with a reason; all, or as many as there
        are in 10 s."""
        found: dict[bytes, bool] = {}
        with _dead_letters(stage) as dead:
            give_up = time.monotonic() + _PATIENCE
            while len(found) < len(self.values) and time.monotonic() < give_up:
                for message in dead.consume(100, timeout=0.2):
                    value = message.value() or b""
                    if message.error() is None and value in self.values:
                        found[value] = "reason" in dict(message.headers() or ())
        return {
            "poison_events": len(self.values),
            "set_aside": len(found),
            "with_a_reason": sum(found.values()),
        }


@contextlib.contextmanager
def _dead_letters(stage: Runtime) -> Iterator[Consumer]:
    """Reads the dead letter topic from its beginning, as a member of no group."""
    consumer = Consumer({"bootstrap.servers": bootstrap(stage), "group.id": "a-look", "log_level": 0})
    try:
        consumer.assign([TopicPartition(_DEAD, 0, OFFSET_BEGINNING)])
        yield consumer
    finally:
        consumer.close()


def _what_it_did(timeline: Timeline) -> int:
    """Clicks that are missing afterwards mean that counting stopped."""
    figures, clicks = timeline.figures, timeline.audit.clicks if timeline.audit else None
    if clicks is None or clicks.lost:
        return 0
    return 2 if figures["set_aside"] == figures["poison_events"] else 1
