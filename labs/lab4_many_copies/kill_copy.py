"""Lab 4: one of three copies is killed while it is at work."""

from __future__ import annotations

from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies.servers import BALANCER, requests_gauges, until_taken_out

_GET, _POST = "GET /{id}", "POST /links"
_KILLED, _STARTED = "kill -9 app-2", "app-2 started again"
_BUSY = 0.1  # seconds each way between the copy and Postgres: so it has writes in hand when it dies


def kill_copy() -> Experiment:
    return Experiment(
        name="kill-copy",
        lab=4,
        title="kill -9 one of three copies in the middle of its requests",
        question="""Three copies stand behind the load balancer. One of them is killed with kill -9 while it has
            requests in hand: redirects, and new links that Postgres is just writing. What do the people notice?""",
        answers=(
            "Redirects fail: those that it had in hand, and a third of all until a health check notices.",
            "No redirect fails. Some new links come back as an error, though they may have been made.",
            "Nothing at all: the balancer sends everything that got no answer to another copy.",
        ),
        right=_what_people_noticed,
        load=Load(users=40, seconds=12.0, rate=300.0, write_share=0.1, key_share=1.0, targets=(BALANCER,)),
        schedule=(
            At(2.0, "writes of app-2 take their time from now on", _slow),
            At(4.0, _KILLED, lambda stage: stage.kill("app-2"), kills="app-2"),
            At(4.001, "until the balancer sends app-2 nothing more", lambda stage: until_taken_out(stage, "app-2")),
            At(8.0, _STARTED, lambda stage: stage.heal(), starts="app-2"),
        ),
        needs=("postgres", "redis", "kafka"),
        mended=_STARTED,
        gauges=requests_gauges(),
        measure=_around_the_kill,
        explanation="""Of {redirects} redirects {redirects_failed} failed; in the second around the kill they took
            {p99_around_seconds} (p99), before it {p99_before_seconds}. The balancer had taken the copy out of its
            turn {taken_out_seconds} after the kill. It looks twice: actively, by asking each copy's /readyz once a
            second, and passively, by what becomes of real requests: three that fail in a row and the copy is out. A
            GET that got no answer it sent again, to another copy: that may be done, for a GET changes nothing.
            {posts_without_answer} new links came back as an error or not at all. The balancer does not send a POST
            again: Postgres may have written it before the copy died. Whether it did only the client can settle, by
            asking again with the same Idempotency-Key. The visitors here did so, and {made_twice} links were made
            twice; of {acknowledged} acknowledged links {lost} were lost. Clicks: {clicks_seen} seen, {clicks_counted}
            counted, {clicks_lost} lost. As in lab 3 a killed process takes along what it has answered and not yet
            handed to Kafka: as a rule the clicks of its last 100 ms (at most {clicks_excused} here), on a machine
            that is too busy those of a longer time, for then they wait for a processor; {clicks_within} before the
            kill hold all that were lost here. That the copies share nothing but the servers behind them is what made
            this easy: none of them was the only one to know anything.""",
    )


def _slow(stage: Runtime) -> None:
    stage.slow("app-2", "postgres", _BUSY)


def _around_the_kill(timeline: Timeline) -> dict[str, float]:
    killed = timeline.fault(_KILLED)
    posts = [request for request in timeline.requests if request.name == _POST and request.outcome == "unknown"]
    figures = {
        "redirects": float(timeline.count(name=_GET)),
        "redirects_failed": float(timeline.count("failed", _GET)),
        "posts_without_answer": float(len(posts)),
        "made_twice": float(len(timeline.audit.doubled)) if timeline.audit else 0.0,
        "p99_before_seconds": 0.0,
        "p99_around_seconds": 0.0,
    }
    if killed is not None:
        figures["p99_before_seconds"] = timeline.percentile(0.99, _GET, 1.0, killed.start - 0.5) or 0.0
        around = killed.start - 0.5, killed.start + 0.5
        figures["p99_around_seconds"] = timeline.percentile(0.99, _GET, *around) or 0.0
    return figures


def _what_people_noticed(timeline: Timeline) -> int:
    if timeline.figures["redirects_failed"]:
        return 0
    return 1 if timeline.figures["posts_without_answer"] else 2
