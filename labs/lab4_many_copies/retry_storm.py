"""Lab 4: what clients make of an outage when each of them tries again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Request, Timeline
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies.retry_policies import RETRIES, policies
from labs.lab4_many_copies.servers import BALANCER, THREE

_CALLERS = 80
_GONE, _BACK = "kill -9", "all copies are started again"
_MOMENT = 0.02  # seconds


def retry_storm() -> Experiment:
    kinds = len(policies())
    return Experiment(
        name="retry-storm",
        lab=4,
        title="a retry storm: tried again at once, with pauses, with jitter, with a budget",
        question=f"""{_CALLERS} jobs ask for a link, all on the full second, and try again up to {RETRIES} times when
            it fails: {_CALLERS // kinds} of them at once, {_CALLERS // kinds} after 0.1 s, 0.2 s, 0.4 s and so on,
            {_CALLERS // kinds} after a random part of that (full jitter), and {_CALLERS // kinds} with jitter and a
            retry budget. All copies are gone for 3 s. What does the service get for each call that was wanted?""",
        answers=(
            "About one request from each: most retries are never needed.",
            "Several from all but those with a budget, and from those without jitter all in the same moments.",
            "Several from those who try at once; pauses are enough to keep it near one.",
        ),
        right=_who_storms,
        load=Load(
            users=_CALLERS,
            seconds=14.0,
            rate=float(_CALLERS),
            write_share=0.0,
            links=1,
            targets=(BALANCER,),
            locustfile=Path(__file__).with_name("retry_storm_load.py"),
        ),
        schedule=(
            *(At(4.0 + at / 1000, f"{_GONE} {copy}", _killer(copy), kills=copy) for at, copy in enumerate(THREE)),
            At(7.0, _BACK, lambda stage: stage.heal()),
        ),
        needs=("postgres",),
        mended=_BACK,
        measure=_requests_a_call,
        explanation="""While nobody was there the service got, for each call that was wanted, {at_once_a_call}
            requests from those who try at once, {backoff_a_call} from those with growing pauses, {jitter_a_call}
            with jitter and {budget_a_call} with a budget. A service that is down because it has too much to do gets
            that factor on top, and when it comes back it is thrown down again: a retry storm, which outlives its
            cause. Pauses stretch the storm, and do not make it smaller while the outage lasts. The most retries
            within 20 ms were {at_once_together}, {backoff_together}, {jitter_together} and {budget_together}: those
            who failed in one moment and wait equally long come back in one moment, and chance alone pulls them
            apart. A budget bounds the sum: retries are paid for by calls that succeed, so that one in ten may be
            repeated, and when everything fails nothing is. It costs something: {budget_given_up} calls with a budget
            were given up, {jitter_given_up} with jitter alone. And retry in one place only: three layers that each
            try three times make 27 requests of one.""",
    )


def _killer(copy: str) -> Callable[[Runtime], None]:
    return lambda stage: stage.kill(copy)


def _requests_a_call(timeline: Timeline) -> dict[str, float]:
    gone, back = timeline.fault(_GONE), timeline.fault(_BACK)
    start, end = (gone.start, back.end or back.start) if gone and back else (0.0, timeline.seconds)
    figures: dict[str, float] = {}
    for policy in policies():
        name = policy.name.replace(" ", "_")
        wanted = timeline.between(start, end, f"GET {policy.name}")
        again = timeline.between(start, end, f"GET {policy.name}, again")
        figures[f"{name}_a_call"] = (len(wanted) + len(again)) / len(wanted) if wanted else 0.0
        figures[f"{name}_together"] = float(_most_within(_MOMENT, again))
        figures[f"{name}_given_up"] = float(_failed(wanted) - sum(request.outcome == "ok" for request in again))
    return figures


def _failed(requests: tuple[Request, ...]) -> int:
    return sum(request.outcome == "failed" for request in requests)


def _most_within(seconds: float, requests: tuple[Request, ...]) -> int:
    """How many of them began within so short a time, at most."""
    starts = sorted(request.start for request in requests)
    most = first = 0
    for last, start in enumerate(starts):
        while start - starts[first] > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def _who_storms(timeline: Timeline) -> int:
    figures = timeline.figures
    if figures["at_once_a_call"] < 1.5:
        return 0
    return 1 if figures["backoff_a_call"] > 1.5 * figures["budget_a_call"] else 2
