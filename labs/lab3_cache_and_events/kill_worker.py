"""Lab 3: the worker is killed while it counts, again and again."""

from __future__ import annotations

from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab3_cache_and_events.servers import lag_gauge

_SLOW = 0.05  # seconds each way between the worker and Postgres, so that it is nearly always within a batch
_KILLS = (3.0, 7.0, 11.0)


def kill_worker() -> Experiment:
    schedule = [At(1.0, "each batch of the worker takes its time from now on", _slow)]
    for number, seconds in enumerate(_KILLS, start=1):
        schedule.append(At(seconds, f"kill -9 worker ({number})", lambda stage: stage.kill("worker")))
        schedule.append(At(seconds + 0.5, f"worker started again ({number})", lambda stage: stage.start("worker")))
    return Experiment(
        name="kill-worker",
        lab=3,
        title="kill -9 the worker in the middle of a batch, three times",
        question="""The worker reads clicks from Kafka and adds them to the counts in Postgres. Kafka delivers at least
            once. The worker is killed in the middle of batches, three times. Are the counts right in the end?""",
        answers=(
            "Clicks are missing: those that it had read but not counted yet.",
            "Clicks are counted twice: those that it had counted but not told Kafka of yet.",
            "Each click is counted exactly once.",
        ),
        right=_were_they_right,
        load=Load(users=20, seconds=16.0, rate=300.0, write_share=0.05),
        schedule=tuple(schedule),
        needs=("kafka", "postgres"),
        gauges=(lag_gauge(),),
        measure=_most_behind,
        explanation="""{clicks_seen} redirects were seen and {clicks_counted} clicks counted: lost {clicks_lost},
            doubled {clicks_doubled}. Between "counted" and "told Kafka so" there is always a moment, and a kill
            finds it. Tell Kafka first, and the batch is lost; count first, and it is counted again after the
            start. Neither order is right, because two systems cannot commit at the same instant. So the worker
            keeps its position in Postgres and moves it on in the same transaction as the counts: either both
            happened or neither did, and after the start it reads on from where the counts say that they stand.
            Kafka still delivers some events twice; they only have no effect twice. That is what "exactly once"
            can mean. The lag rose to {most_behind} events while nobody counted, and was worked off
            {clicks_settled} after the load: a queue turns an outage of the consumer into a delay. Redirects did
            not notice: {failed} of {requests} requests failed.""",
    )


def _slow(stage: Runtime) -> None:
    stage.slow("worker", "postgres", _SLOW)


def _most_behind(timeline: Timeline) -> dict[str, float]:
    return {"most_behind": max(timeline.gauge("lag").between(0.0), default=0.0)}


def _were_they_right(timeline: Timeline) -> int:
    clicks = timeline.audit.clicks if timeline.audit else None
    if clicks is not None and clicks.doubled > clicks.lost:
        return 1
    return 0 if clicks is None or clicks.lost else 2
