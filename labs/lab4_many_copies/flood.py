"""Lab 4: the same flood of new links twice: through the balancer it is one client, past it a thousand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from infra.copies import standing
from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.gauges import Gauge, Read
from infra.experiment.timeline import FaultSpan, Timeline
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies.flooding import Counts, flood
from labs.lab4_many_copies.servers import BALANCER, log_gauge

_GET, _POST = "GET /{id}", "POST /links"
_ONE, _MANY = "a flood of POSTs from one client", "the same flood, from a thousand addresses"
_RATE, _SECONDS = 400.0, 4.0
_LIMIT, _BURST = 10, 20  # lower than usual: so the flood of a slow machine is one as well


def flood_of_posts() -> Experiment:
    floods = Floods()
    return Experiment(
        name="flood",
        lab=4,
        title="a flood on POST: from one client, then from a thousand addresses",
        question=f"""One client sends {_RATE:.0f} POST /links a second, for {_SECONDS:.0f} s. Later the same comes
            from a thousand addresses. The limit on this stage is {_LIMIT} a second for each address, and {_BURST} at
            once; each of the three copies sees a third. Who gets links, and what do those notice who only follow
            some?""",
        answers=(
            "Both get all of theirs: no copy sees so many that it would refuse any.",
            "Both are held to the limit, and nobody else notices either.",
            "The client is held to the limit, over all copies together. The thousand get theirs, and Postgres and"
            " everybody else have the work.",
            "Neither gets many, and redirects fail with them: the copies are busy saying no.",
        ),
        right=_who_got_links,
        load=Load(users=40, seconds=17.0, rate=150.0, write_share=0.03, links=50, targets=(BALANCER,)),
        schedule=(At(4.0, _ONE, floods.from_one), At(11.0, _MANY, floods.from_many)),
        needs=("postgres", "redis"),
        own_stage=True,
        variables={"RATE_LIMIT": str(_LIMIT), "RATE_BURST": str(_BURST)},
        gauges=(floods.gauge("made"), floods.gauge("refused"), log_gauge()),
        measure=_compared,
        explanation="""The client asked for {sent} links and got {made}; in that time the limit allows {allowed}
            ({burst} at once, and {limit_a_second} a second after that) to all who share its address. {refused} times
            it was answered 429 Too Many Requests, with a Retry-After that a good client keeps to. Its tokens lie in
            Redis, and one script takes one, so three copies count as one would; each counting for itself would have
            let three times as many pass. The thousand asked for {sent_by_many} and got {made_by_many}, for each of
            them stays below its limit. Who bears it? Postgres added {log_before} KB to its log a second before,
            {log_meanwhile} beside the client, {log_by_many} beside the thousand. A redirect took
            {redirect_before_seconds}, then {redirect_meanwhile_seconds}, then {redirect_by_many_seconds} (median; p99
            {p99_before_seconds}, {p99_meanwhile_seconds}, {p99_by_many_seconds}), and {redirects_failed} failed, for
            reads are not limited. A refusal costs a round trip to Redis and no row; a link costs a row, an event and
            their place in the log. Two things are less nice. {neighbours_refused} links of other visitors were refused
            beside the client's: they share its address, as people in one office or behind one mobile network do. And
            who has a thousand addresses has a thousand limits. Both floods made their addresses up: the first through
            the balancer, which writes the true one over them, the second past it, straight to the copies, which
            believe what they are told. Somebody with a thousand machines need not lie. So a limit by address is where
            one begins, one by account is where one ends, and behind both stands load shedding, which asks nobody who
            he is.""",
    )


@dataclass
class Floods:
    counts: Counts = field(default_factory=Counts)

    def from_one(self, stage: Runtime) -> dict[str, float]:
        """Through the balancer: whatever address they name, it knows better."""
        told = stage.stage.box("app-1").environment
        limit = {"burst": float(told["RATE_BURST"]), "limit_a_second": float(told["RATE_LIMIT"])}
        return {**self._flood([stage.address(BALANCER)], ""), **limit}

    def from_many(self, stage: Runtime) -> dict[str, float]:
        return self._flood([stage.address(copy) for copy in standing(stage.stage)], "_by_many")

    def gauge(self, name: str) -> Gauge:
        @contextlib.contextmanager
        def opened(_: Runtime) -> Iterator[Read]:
            yield lambda: float(getattr(self.counts, name))

        return Gauge(name, f"of the floods' POSTs, {name} a second", opened, rate=True, scale="posts")

    def _flood(self, doors: list[tuple[str, int]], who: str) -> dict[str, float]:
        before = Counts(**vars(self.counts))
        flood(doors, _addresses(), _RATE, _SECONDS, self.counts)
        return {f"{name}{who}": float(now - getattr(before, name)) for name, now in vars(self.counts).items()}


def _addresses() -> list[str]:
    chosen = Random(4)
    return [".".join(str(chosen.randrange(1, 255)) for _ in range(4)) for _ in range(1000)]


def _compared(timeline: Timeline) -> dict[str, float]:
    """What the others noticed of each. Raises LabError when the limit allows as many as the first asked for."""
    one, many = timeline.fault(_ONE), timeline.fault(_MANY)
    if one is None or many is None:
        return {}
    start, end = _times(one)
    neighbours, told = timeline.between(start, end, _POST), timeline.figures
    allowed = round(told["burst"] + told["limit_a_second"] * (end - start))
    if told["sent"] <= allowed:
        raise LabError(
            f"The flood was none: {told['sent']:.0f} new links were asked for, and the limit allows {allowed} in that"
            " time. Is the machine very busy? Try again."
        )
    figures = {
        "allowed": float(allowed),
        "neighbours_refused": float(sum(request.status == 429 for request in neighbours)),
        "redirects_failed": float(timeline.count("failed", _GET)),
    }
    log = timeline.gauge("log")
    for name, span in (("before", (1.0, start)), ("meanwhile", (start, end)), ("by_many", _times(many))):
        figures[f"redirect_{name}_seconds"] = timeline.percentile(0.5, _GET, *span) or 0.0
        figures[f"p99_{name}_seconds"] = timeline.percentile(0.99, _GET, *span) or 0.0
        figures[f"log_{name}"] = _mean(log.between(*span))
    return figures


def _times(span: FaultSpan) -> tuple[float, float]:
    return span.start, span.end or span.start


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values)) if values else 0.0


def _who_got_links(timeline: Timeline) -> int:
    figures = timeline.figures
    if figures["redirects_failed"] > 0.1 * timeline.count(name=_GET):
        return 3
    if figures["made"] > 1.5 * figures["allowed"]:
        return 0
    return 2 if figures["made_by_many"] > 0.5 * figures["sent_by_many"] else 1
