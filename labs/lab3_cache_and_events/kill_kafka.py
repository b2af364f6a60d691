"""Lab 3: the broker is gone while clicks go on."""

from __future__ import annotations

from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from labs.lab3_cache_and_events.servers import lag_gauge

_GET = "GET /{id}"
_KILLED, _STARTED = "kill -9 kafka", "kafka started again"


def kill_kafka() -> Experiment:
    return Experiment(
        name="kill-kafka",
        lab=3,
        title="kill -9 Kafka under load, and back",
        question="""Each redirect sends an event to Kafka, and the broker is dead for 6 s. What becomes of the
            redirects, and of the clicks of that time?""",
        answers=(
            "Redirects wait for Kafka, or fail.",
            "Redirects are as quick as before; the clicks of that time are lost.",
            "Redirects are as quick as before, and every click is counted once Kafka is back.",
            "Redirects are as quick as before; some clicks are counted twice, because they were sent again.",
        ),
        right=_what_became_of_both,
        load=Load(users=20, seconds=16.0, rate=300.0, write_share=0.05),
        schedule=(
            At(4.0, _KILLED, lambda stage: stage.kill("kafka")),
            At(10.0, _STARTED, lambda stage: stage.start("kafka")),
        ),
        needs=("kafka",),
        mended=_STARTED,
        gauges=(lag_gauge(),),
        measure=_latencies,
        explanation="""A redirect took {redirect_before_seconds} (p99) while the broker was there and
            {redirect_meanwhile_seconds} while it was not; {failed} of {requests} requests failed. {clicks_seen}
            redirects were seen, {clicks_counted} clicks counted: lost {clicks_lost}, doubled {clicks_doubled}. A
            redirect only notes its click in memory; a thread of Kafka's client sends what was noted, in batches,
            and keeps it while nobody takes it. So the time of a redirect and the health of the broker have
            nothing to do with each other. When the broker is back the client sends all of it; what it sends a
            second time, because the first acknowledgement was lost, the broker knows by its number (an
            idempotent producer) and keeps once. The memory for it is bounded: a broker that is away for long
            enough costs clicks, which the service counts in /metrics rather than be silent or run out of memory.
            And while it is away these clicks live in one process alone: who kills the service now loses them.
            You chose latency over durability for clicks, and the opposite for links.""",
    )


def _latencies(timeline: Timeline) -> dict[str, float]:
    killed, started = timeline.fault(_KILLED), timeline.fault(_STARTED)
    if killed is None or started is None:
        return {"redirect_before_seconds": 0.0, "redirect_meanwhile_seconds": 0.0}
    return {
        "redirect_before_seconds": timeline.percentile(0.99, _GET, 1.0, killed.start) or 0.0,
        "redirect_meanwhile_seconds": timeline.percentile(0.99, _GET, killed.end or killed.start, started.start) or 0.0,
    }


def _what_became_of_both(timeline: Timeline) -> int:
    """Slower means at least three times as slow, and more than people can feel (50 ms): p99 is noisy."""
    figures = timeline.figures
    slow = figures["redirect_meanwhile_seconds"] > max(0.05, 3 * figures["redirect_before_seconds"])
    if slow or timeline.count("failed", _GET) > 0.01 * timeline.count(name=_GET):
        return 0
    clicks = timeline.audit.clicks if timeline.audit else None
    if clicks is not None and clicks.doubled:
        return 3
    return 1 if clicks is None or clicks.lost else 2
