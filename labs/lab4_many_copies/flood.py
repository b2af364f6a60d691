"""Lab 4: one client makes links as fast as it can."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Request, Timeline
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies.servers import BALANCER, requests_gauges

_GET, _POST, _FLOOD = "GET /{id}", "POST /links", "POST /links (flood)"
_FROM, _UNTIL, _RATE = 5.0, 10.0, 400.0


def flood() -> Experiment:
    limit = Limit()
    return Experiment(
        name="flood",
        lab=4,
        title="a flood on POST, from one client",
        question=f"""One client sends {_RATE:.0f} POST /links a second for {_UNTIL - _FROM:.0f} s, to three copies.
            The limit is 50 a second for each client, and 100 at once; a copy sees a third of it. How many links are
            made in that time, and what do those notice who only follow links?""",
        answers=(
            "All of them, and redirects become slow: Postgres is busy.",
            "Three times what the limit says, for each copy counts on its own.",
            "What the limit says, over all copies together; redirects go on as before.",
            "None, and redirects are refused too: the client is blocked.",
        ),
        right=_what_was_made,
        load=Load(
            users=80,
            seconds=14.0,
            rate=200.0,
            write_share=0.03,
            targets=(BALANCER,),
            locustfile=Path(__file__).with_name("flood_load.py"),
            options=("--flood-from", str(_FROM), "--flood-until", str(_UNTIL), "--flood-rate", str(_RATE)),
        ),
        schedule=(
            At(_FROM, f"{_RATE:.0f} POSTs a second from one client", lambda stage: None),
            At(_UNTIL, "the flood ends", lambda stage: None),
        ),
        needs=("postgres", "redis"),
        prepare=limit.read,
        gauges=requests_gauges(),
        measure=limit.compared,
        explanation="""Of {sent} new links that were asked for during the flood {made} were made; the limit allows
            {allowed} in that time ({burst} at once, and {limit_a_second} a second after that). The others were
            answered 429 Too Many Requests, with a Retry-After that a good client keeps to. The tokens of a client
            lie in Redis, and one script takes one, so that three copies count as one would; each of them counting
            for itself would have let three times as many pass. A redirect took {redirect_before_seconds} before and
            {redirect_meanwhile_seconds} meanwhile (p99), and {redirects_failed} failed: a refusal costs a round trip
            to Redis and no more, and redirects are not limited. One thing is not so nice: {neighbours_refused} links
            of other visitors were refused as well. They come from the same address as the flood, as people in one
            office or behind one mobile network do. To tell them apart needs to know who they are, so that a limit by
            address is where one begins, and a limit by account is where one ends.""",
    )


@dataclass
class Limit:
    """What the copies were told to allow one client."""

    rate: float = 0.0
    burst: float = 0.0

    def read(self, stage: Runtime) -> None:
        told = stage.stage.box("app-1").environment
        self.rate, self.burst = float(told.get("RATE_LIMIT", 50)), float(told.get("RATE_BURST", 100))

    def compared(self, timeline: Timeline) -> dict[str, float]:
        """From the first POST of the flood to its last. Raises LabError when the limit allows as many."""
        flood = [request for request in timeline.requests if request.name == _FLOOD]
        start, end = (flood[0].start, flood[-1].end) if flood else (_FROM, _FROM)
        neighbours = timeline.between(start, end, _POST)
        everyone = [*flood, *neighbours]
        allowed = round(self.burst + self.rate * (end - start))
        if flood and len(everyone) <= allowed:
            raise LabError(
                f"The flood was none: {len(everyone)} new links were asked for, and the limit allows {allowed} in that"
                " time. Is the machine very busy? Try again."
            )
        return {
            "sent": float(len(everyone)),
            "made": float(sum(_made(request) for request in everyone)),
            "burst": self.burst,
            "limit_a_second": self.rate,
            "allowed": float(allowed),
            "neighbours_refused": float(sum(request.status == 429 for request in neighbours)),
            "redirects_failed": float(timeline.count("failed", _GET)),
            "redirect_before_seconds": timeline.percentile(0.99, _GET, 1.0, start) or 0.0,
            "redirect_meanwhile_seconds": timeline.percentile(0.99, _GET, start, end) or 0.0,
        }


def _made(request: Request) -> bool:
    return request.status == 201


def _what_was_made(timeline: Timeline) -> int:
    figures = timeline.figures
    if figures["redirects_failed"] > 0.1 * timeline.count(name=_GET):
        return 3
    if figures["made"] > 0.9 * figures["sent"]:
        return 0
    return 1 if figures["made"] > 1.5 * figures["allowed"] else 2
