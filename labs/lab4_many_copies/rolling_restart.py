"""Lab 4: every copy is replaced under load: one after another, and then all at once."""

from __future__ import annotations

import time
from dataclasses import dataclass

from infra import rolling
from infra.copies import standing
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies.servers import BALANCER, requests_gauges

_IN_TIME = 15.0  # seconds: after a longer one the load would end before the comparison has
_ROLLING, _ALL = "a rolling restart", "all copies are restarted at once"


def rolling_restart() -> Experiment:
    deploy = Deploy()
    return Experiment(
        name="rolling-restart",
        lab=4,
        title="every copy is replaced under load: one after another, then all at once",
        question="""A new version is to be deployed at noon. Each copy is drained, ended, started anew and let in
            again, one after another, as `lab deploy` does it; and afterwards, to compare, all are ended and started
            together. What do the visitors notice of the first one?""",
        answers=(
            "A third of their requests fail, three times, while a copy is away.",
            "Nothing fails; with two copies in place of three it may be a little slower.",
            "A few fail each time: those that the copy had in hand.",
        ),
        right=_what_was_noticed,
        load=Load(users=30, seconds=20.0, rate=200.0, write_share=0.1, key_share=1.0, targets=(BALANCER,)),
        schedule=(
            At(2.0, _ROLLING, deploy.run),
            At(14.0, _ALL, _all_at_once, unless=lambda: deploy.seconds > _IN_TIME),
        ),
        needs=("postgres", "redis", "kafka"),
        gauges=requests_gauges(),
        measure=_both,
        explanation="""One after another took {rolling_seconds}, and {failed_while_rolling} of {asked_while_rolling}
            requests failed. All at once took {all_at_once_seconds}, and {failed_at_once} of {asked_at_once} failed.
            Where that is 0 of 0, the deploy took so long that the comparison was left out. A copy leaves in this
            order: the balancer sends it nothing new (drain), what it has in hand ends, SIGTERM, and only then is it
            gone. It comes back in this order: it starts, /readyz says yes because it has reached its servers, the
            balancer has found it ready, and only then does the next one go. Leave one of these out, and it shows
            here. A copy that does not become ready stops a deploy, and the others go on as they are: a bad version
            costs a third of the capacity, not the service. While both versions run each must understand what the
            other writes, so a column is added in one deploy and used in the next. Of {acknowledged} acknowledged
            links {lost} were lost; {clicks_seen} redirects were seen and {clicks_counted} clicks counted, for a copy
            that is ended with SIGTERM sends what it has noted first.""",
    )


@dataclass
class Deploy:
    """The rolling restart, and how long it took."""

    seconds: float = 0.0

    def run(self, stage: Runtime) -> None:
        began = time.monotonic()
        rolling.deploy(stage, None, lambda sentence: None)
        self.seconds = time.monotonic() - began


def _all_at_once(stage: Runtime) -> None:
    for copy in standing(stage.stage):
        stage.stop(copy)
    stage.heal()


def _both(timeline: Timeline) -> dict[str, float]:
    figures: dict[str, float] = {}
    for label, name, kind in ((_ROLLING, "while_rolling", "rolling"), (_ALL, "at_once", "all_at_once")):
        span = timeline.fault(label)
        start, end = (span.start, span.end or span.start) if span else (0.0, 0.0)
        asked = timeline.between(start, end)
        figures[f"asked_{name}"] = float(len(asked))
        figures[f"failed_{name}"] = float(sum(request.outcome != "ok" for request in asked))
        figures[f"{kind}_seconds"] = end - start
    return figures


def _what_was_noticed(timeline: Timeline) -> int:
    figures = timeline.figures
    if not figures["failed_while_rolling"]:
        return 1
    return 0 if figures["failed_while_rolling"] > 0.1 * figures["asked_while_rolling"] else 2
