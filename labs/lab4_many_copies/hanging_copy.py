"""Lab 4: a copy that neither answers nor closes its connections."""

from __future__ import annotations

from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from labs.lab4_many_copies.servers import BALANCER, requests_gauges, until_taken_out

_GET, _POST = "GET /{id}", "POST /links"
_PAUSED, _RESUMED = "app-2 hangs (paused)", "app-2 goes on"
_LONG = 1.0  # seconds


def hanging_copy() -> Experiment:
    return Experiment(
        name="hang-copy",
        lab=4,
        title="a copy that hangs: its connections stay open, and nothing comes back",
        question="""One of three copies freezes for 6 s. It is not dead: it takes connections, and requests, and
            answers nothing. Is that better or worse than kill -9?""",
        answers=(
            "The same: nobody who follows a link notices.",
            "Worse: for a moment a third of the redirects wait more than a second, and are then answered by others.",
            "Much worse: a third of all requests fails until the copy goes on.",
            "Much worse: soon everybody waits for the copy that hangs, and nobody is served.",
        ),
        right=_how_bad,
        load=Load(users=150, seconds=14.0, rate=200.0, write_share=0.05, key_share=1.0, targets=(BALANCER,)),
        schedule=(
            At(4.0, _PAUSED, lambda stage: stage.pause("app-2")),
            At(4.001, "until the balancer sends app-2 nothing more", lambda stage: until_taken_out(stage, "app-2")),
            At(10.0, _RESUMED, lambda stage: stage.resume("app-2")),
        ),
        needs=("postgres", "redis", "kafka"),
        mended=_RESUMED,
        gauges=requests_gauges(),
        measure=_who_waited,
        explanation="""{redirects_that_waited} redirects took longer than a second, the longest
            {longest_redirect_seconds}; {redirects_failed} failed. A dead process says so at once: its kernel refuses
            connections. A process that hangs says nothing, and only a clock can tell it from a slow one. The
            balancer gives a GET 1.3 s at one copy and then sends it to another; after three such requests, or two
            health checks that got no answer within a second, the copy is out: here {taken_out_seconds} after it
            froze. A POST is not sent again, so {posts_without_answer} of them waited for the 4 s that anything may
            take, and ended without an answer. Of these and all others that were acknowledged ({acknowledged}) {lost}
            were lost, and each POST that was repeated with its key made one link. Then look at the clicks:
            {clicks_seen} redirects were seen, and {clicks_counted} clicks counted. Where there are more than were
            seen, the copy did what it had been asked 6 s ago when it woke up, for clients who had long had their
            answer from somebody else, and noted their clicks a second time. A retry is safe for what it reads, not
            for what it counts on the side. A timeout is a bet: too short, and slow requests are done twice; too
            long, and everybody waits for the dead.""",
    )


def _who_waited(timeline: Timeline) -> dict[str, float]:
    redirects = [request for request in timeline.requests if request.name == _GET]
    return {
        "redirects_that_waited": float(sum(redirect.seconds > _LONG for redirect in redirects)),
        "redirects_failed": float(timeline.count("failed", _GET)),
        "longest_redirect_seconds": max((redirect.seconds for redirect in redirects), default=0.0),
        "posts_without_answer": float(timeline.count("unknown", _POST)),
    }


def _how_bad(timeline: Timeline) -> int:
    """Nobody served: in the middle of the time the answers fell below a tenth of what they were before."""
    figures, paused, resumed = timeline.figures, timeline.fault(_PAUSED), timeline.fault(_RESUMED)
    if paused is not None and resumed is not None:
        before = _answered(timeline, 1.0, paused.start) / max(0.1, paused.start - 1.0)
        late = _answered(timeline, resumed.start - 2.0, resumed.start - 1.0)
        if late < 0.1 * before:
            return 3
    if figures["redirects_failed"] > 0.02 * timeline.count(name=_GET):
        return 2
    return 1 if figures["redirects_that_waited"] >= 3 else 0


def _answered(timeline: Timeline, start: float, end: float) -> int:
    return sum(request.outcome == "ok" for request in timeline.between(start, end, _GET))
