"""Lab 4: the load balancer itself is killed."""

from __future__ import annotations

from infra.copies import standing
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.keepalive import Connection
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies.servers import BALANCER, requests_gauges

_KILLED, _STARTED = "kill -9 balancer", "the balancer is started again"


def kill_balancer() -> Experiment:
    return Experiment(
        name="kill-balancer",
        lab=4,
        title="kill -9 the load balancer itself",
        question="""Three copies, so that one may die. Now the load balancer before them is killed, for 4 s. All
            copies are well. What do the people notice?""",
        answers=(
            "Little: clients find another way to a copy.",
            "Only what was in flight fails; new requests go straight to the copies.",
            "Everything fails until it is back, while three healthy copies wait for requests.",
        ),
        right=_how_much_failed,
        load=Load(users=30, seconds=12.0, rate=200.0, write_share=0.1, key_share=1.0, targets=(BALANCER,)),
        schedule=(
            At(4.0, _KILLED, lambda stage: stage.kill(BALANCER)),
            At(6.0, "each copy is asked itself", _ask_each),
            At(8.0, _STARTED, lambda stage: stage.start(BALANCER)),
        ),
        needs=("postgres", "redis", "kafka"),
        mended=_STARTED,
        gauges=requests_gauges(),
        measure=_meanwhile,
        explanation="""Of {asked_meanwhile} requests {failed_meanwhile} failed, for {out_of_service}, while
            {copies_ready} of {copies} copies said at their own address that they were ready. A load balancer takes
            away the single point of failure behind it, and is one itself. It is a good one to have: it keeps no
            data, starts in a moment ({recovery} here), and its work is simple, so that it fails seldom. What is done
            about it: a second one, and an address that moves to it when the first is silent (VRRP, keepalived);
            several addresses in DNS, of which clients try the next; anycast, where the network finds the nearest
            that is alive; or the choice in the client itself, which then must know all copies. Each of them only
            moves the question to somebody whose death is less likely. Clients should know none of this and still be
            safe: {acknowledged} links were acknowledged, {lost} were lost, and what was repeated with its key was
            made once.""",
    )


def _ask_each(stage: Runtime) -> dict[str, float]:
    names, ready = standing(stage.stage), 0
    for copy in names:
        with Connection(stage.address(copy), timeout=2.0) as connection:
            ready += connection.ask("GET", "/readyz").status == 200
    return {"copies": float(len(names)), "copies_ready": float(ready)}


def _meanwhile(timeline: Timeline) -> dict[str, float]:
    killed, started = timeline.fault(_KILLED), timeline.fault(_STARTED)
    if killed is None or started is None:
        return {}
    asked = timeline.between(killed.end or killed.start, started.start)
    return {
        "asked_meanwhile": float(len(asked)),
        "failed_meanwhile": float(sum(request.outcome != "ok" for request in asked)),
    }


def _how_much_failed(timeline: Timeline) -> int:
    asked, failed = timeline.figures["asked_meanwhile"], timeline.figures["failed_meanwhile"]
    if failed > 0.9 * asked:
        return 2
    return 1 if failed else 0
