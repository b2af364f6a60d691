"""Lab 3's named trade-off: what a kill -9 of the service itself costs."""

from __future__ import annotations

from infra.experiment.clicks import GRACE
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline

_STARTED = "app started again"


def kill_app() -> Experiment:
    return Experiment(
        name="kill-app",
        lab=3,
        title="kill -9 the service: the clicks of its last moments",
        question="""A redirect is answered at once, and its click is sent a moment later. The service is killed with
            kill -9 under load, with Kafka and the worker alive. How many clicks are lost for ever?""",
        answers=(
            "None: a redirect that somebody saw is counted.",
            f"At most those of its last {GRACE * 1000:.0f} ms: what it had not handed on yet.",
            "More: whole batches that waited in its memory.",
        ),
        right=_how_many,
        load=Load(users=40, seconds=12.0, rate=600.0, write_share=0.05),
        schedule=(
            At(4.0, "kill -9 app", lambda stage: stage.kill("app"), kills="app"),
            At(6.0, _STARTED, lambda stage: stage.start("app"), starts="app"),
        ),
        needs=("kafka",),
        mended=_STARTED,
        explanation="""{clicks_seen} redirects were seen by somebody and {clicks_counted} clicks counted: {clicks_lost}
            are lost, the oldest of them answered {clicks_reach} before the last answer. In its last 100 ms the
            service answered {clicks_excused} redirects, and no more than these may be lost. At most
            {clicks_possible} more redirects were perhaps sent, but nobody saw their answer. A click is noted in
            memory and sent some milliseconds later together with others: that is why a redirect need not wait
            for Kafka, and why a process that dies without a word takes the last few along. SIGTERM is another
            matter: then they are sent before the end, so no deployment costs a click. Of {acknowledged}
            acknowledged links {lost} were lost, for a link is answered only when Postgres has it. Decide for
            each kind of data what it may cost: waiting for the broker would have made each redirect slower for
            ever, to save {clicks_lost} clicks of one crash.""",
    )


def _how_many(timeline: Timeline) -> int:
    clicks = timeline.audit.clicks if timeline.audit else None
    if clicks is None or clicks.lost_beyond:
        return 2
    return 1 if clicks.lost else 0
