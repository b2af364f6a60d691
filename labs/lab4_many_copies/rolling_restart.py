"""Lab 4: every copy is replaced under load: all at once, and then one after another."""

from __future__ import annotations

from infra import rolling
from infra.copies import standing
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies.servers import BALANCER, requests_gauges

_ALL, _ROLLING = "all copies are ended, and started again", "a rolling restart"
_SECONDS = 20.0  # of load: what of the rolling restart lies beyond it, nobody sees


def rolling_restart() -> Experiment:
    return Experiment(
        name="rolling-restart",
        lab=4,
        title="every copy is replaced under load: all at once, then one after another",
        question="""A new version is to be deployed at noon. First as it is often done: all copies are ended, and
            started again. Then as `lab deploy` does it: each copy is drained, ended, started anew and let in again,
            one after another. What do the visitors notice of the second way?""",
        answers=(
            "A third of their requests fail, three times, while a copy is away.",
            "Nothing fails; with two copies in place of three it may be a little slower.",
            "A few fail each time: those that the copy had in hand.",
        ),
        right=_what_was_noticed,
        load=Load(users=30, seconds=_SECONDS, rate=200.0, write_share=0.1, key_share=1.0, targets=(BALANCER,)),
        schedule=(At(2.0, _ALL, _all_at_once), At(7.0, _ROLLING, _one_after_another)),
        needs=("postgres", "redis", "kafka"),
        gauges=requests_gauges(),
        measure=_both,
        explanation="""All at once took {all_at_once_seconds}, and {failed_at_once} of {asked_at_once} requests failed.
            One after another took {rolling_seconds}, of which {rolling_watched_seconds} under load, and
            {failed_while_rolling} of {asked_while_rolling} failed. A copy leaves in this order: the balancer sends it
            nothing new (drain), what it has in hand ends, SIGTERM, and only then is it gone. It comes back in this
            order: it starts, /readyz says yes because it has reached its servers, the balancer has found it ready,
            and only then does the next one go. Leave one of these out, and it shows here. A copy that does not become
            ready stops a deploy, and the others go on as they are: a bad version costs a third of the capacity, not
            the service. While both versions run each must understand what the other writes, so a column is added in
            one deploy and used in the next. Of {acknowledged} acknowledged links {lost} were lost, either way;
            {clicks_seen} redirects were seen and {clicks_counted} clicks counted, for a copy that is ended with
            SIGTERM sends what it has noted first.""",
    )


def _all_at_once(stage: Runtime) -> None:
    for copy in standing(stage.stage):
        stage.stop(copy)
    stage.heal()


def _one_after_another(stage: Runtime) -> None:
    rolling.deploy(stage, None, lambda sentence: None)


def _both(timeline: Timeline) -> dict[str, float]:
    figures: dict[str, float] = {}
    for label, name, kind in ((_ALL, "at_once", "all_at_once"), (_ROLLING, "while_rolling", "rolling")):
        span = timeline.fault(label)
        start, end = (span.start, span.end or span.start) if span else (0.0, 0.0)
        asked = timeline.between(start, end)
        figures[f"{kind}_seconds"] = end - start
        if kind == "rolling":
            figures["rolling_watched_seconds"] = max(0.0, min(end, _SECONDS) - start)
        figures[f"asked_{name}"] = float(len(asked))
        figures[f"failed_{name}"] = float(sum(request.outcome != "ok" for request in asked))
    return figures


def _what_was_noticed(timeline: Timeline) -> int:
    figures = timeline.figures
    if not figures["failed_while_rolling"]:
        return 1
    return 0 if figures["failed_while_rolling"] > 0.1 * figures["asked_while_rolling"] else 2
