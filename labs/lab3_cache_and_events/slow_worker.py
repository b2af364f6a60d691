"""Lab 3: more clicks come than the worker can count, ten times more."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from confluent_kafka import Producer

from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.keepalive import Connection
from infra.experiment.lag import bootstrap
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab3_cache_and_events.servers import lag_gauge, memory_gauge

_GET = "GET /{id}"
_BATCH = 500  # events that the worker takes at once (CLICK_BATCH)
_SLOW = 0.1  # seconds each way between the worker and Postgres: a batch takes nearly a second
_RATE, _SECONDS = 6_000, 5  # clicks a second, for so many seconds, beside those of the load
_HEALED = "the link to Postgres is quick again"
_PATIENCE = 30.0  # seconds until the flood must be counted


def slow_worker() -> Experiment:
    flood = Flood()
    return Experiment(
        name="slow-worker",
        lab=3,
        title="a consumer ten times too slow",
        question=f"""{_RATE:,} clicks a second come in, and the worker can count about a tenth of that: it takes
            {_BATCH} at a time, and each batch needs nearly a second, for its link to Postgres is slow. What
            happens?""",
        answers=(
            "The worker reads them all into its memory, which grows until it is killed.",
            "Kafka is full of them and refuses more, so that redirects become slow or fail.",
            "They wait in Kafka: the lag grows, the worker's memory does not; later it catches up and all are counted.",
            "Nothing: the worker takes more at a time, and keeps up.",
        ),
        right=_what_gave_way,
        load=Load(users=10, seconds=18.0, rate=150.0, write_share=0.05),
        schedule=(
            At(
                2.0,
                "the link from the worker to Postgres is slow",
                lambda stage: stage.slow("worker", "postgres", _SLOW),
            ),
            At(3.0, f"{_RATE:,} clicks a second beside the load", flood.pour),
            At(11.0, _HEALED, lambda stage: stage.heal()),
            At(18.1, "the flood's clicks are compared", flood.count),
        ),
        needs=("kafka", "postgres"),
        own_stage=True,
        variables={"CLICK_BATCH": str(_BATCH)},
        gauges=(lag_gauge(), memory_gauge("worker")),
        measure=_what_grew,
        explanation="""The lag rose to {most_behind} events; {worked_off_seconds} after the link was quick again it was
            gone. Of {flooded} clicks of the flood {flood_counted} are counted, and of the {clicks_seen}
            redirects that people saw {clicks_counted}. The worker used {memory_before} MB before and
            {memory_at_most} MB at most. It asks Kafka for a batch only when it has done with the one before: it
            pulls, and what it does not pull lies on the broker's disk, where it costs little and survives. That
            is backpressure, and it costs one line: never take more than you can do. Where a sender pushes, the
            receiver's memory is the queue, and the receiver dies at the worst time. Redirects did not notice:
            {failed} of {requests} requests failed. A queue buys time, not capacity: a lag that grows every day
            is a worker that is too small, and the figure to alarm on is how old the oldest event is. Bigger
            batches would have cured it on the slow link too: they share a round trip.""",
    )


@dataclass
class Flood:
    """Clicks of one link, written straight to the topic."""

    link_id: str = ""
    poured: int = 0

    def pour(self, stage: Runtime) -> None:
        """For 5 s, as many as planned a second. Raises LabError when Kafka does not take them."""
        with Connection(stage.address("app")) as connection:
            answer = connection.ask("POST", "/links", b'{"url": "https://example.com/flood"}')
        if answer.status != 201:
            raise LabError(
                f"POST /links was answered {answer.status}, so there is no link to flood. See `lab logs app`."
            )
        self.link_id = str(orjson.loads(answer.body)["id"])
        producer = Producer({"bootstrap.servers": bootstrap(stage), "log_level": 0, "enable.idempotence": True})
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < _SECONDS:
            while self.poured < elapsed * _RATE:
                producer.produce("clicks", self._event())
                self.poured += 1
            producer.poll(0.01)
        if producer.flush(5.0):
            raise LabError("Kafka does not take events from this machine. See `lab status` and `lab logs kafka`.")

    def _event(self) -> bytes:
        at = datetime.now(UTC).isoformat()
        return orjson.dumps({"event_id": secrets.token_hex(8), "link_id": self.link_id, "at": at})

    def count(self, stage: Runtime) -> dict[str, float]:
        """How many of them the service shows, all or as many as there are in 30 s."""
        give_up = time.monotonic() + _PATIENCE
        clicks = 0
        with Connection(stage.address("app")) as connection:
            while clicks != self.poured and time.monotonic() < give_up:
                answer = connection.ask("GET", f"/links/{self.link_id}")
                clicks = orjson.loads(answer.body).get("clicks", 0) if answer.status == 200 else clicks
                time.sleep(0.1)
        return {"flooded": self.poured, "flood_counted": clicks}


def _what_grew(timeline: Timeline) -> dict[str, float]:
    lag, memory = timeline.gauge("lag"), timeline.gauge("memory")
    slow, healed = timeline.fault("is slow"), timeline.fault(_HEALED)
    most = max(lag.between(0.0), default=0.0)
    figures = {"most_behind": most, "memory_before": 0.0, "memory_at_most": 0.0, "worked_off_seconds": 0.0}
    if slow is None or healed is None:
        return figures
    figures["memory_before"] = round(max(memory.between(0.0, slow.start + 0.5), default=0.0))
    figures["memory_at_most"] = round(max(memory.between(slow.start), default=0.0))
    caught_up = [
        at for at, value in lag.points if value is not None and at > healed.start and value <= max(200, most / 100)
    ]
    figures["worked_off_seconds"] = (caught_up[0] if caught_up else timeline.seconds) - healed.start
    return figures


def _what_gave_way(timeline: Timeline) -> int:
    """Memory gave way if it more than doubled and took 100 MB more; the lag grew if it held a tenth of the flood."""
    figures = timeline.figures
    before, most = figures["memory_before"], figures["memory_at_most"]
    if most > 2 * before + 100:
        return 0
    if timeline.count("failed", _GET) > 0.02 * timeline.count(name=_GET):
        return 1
    return 2 if figures["most_behind"] > 0.1 * _RATE * _SECONDS else 3
