"""Lab 1's failures: a kill under load, two copies on one file, a full disk, and a file that grows."""

from __future__ import annotations

from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from labs.lab1_file.growing_file import growing_file


def experiments() -> tuple[Experiment, ...]:
    return kill(), two_copies(), disk_full(), growing_file()


def kill() -> Experiment:
    started = "app started again"
    return Experiment(
        name="kill",
        lab=1,
        title="kill -9 under load",
        question="""The service is killed with kill -9 in the middle of writes, and started again 2 s later. What is
            left?""",
        answers=(
            "The links of the last moment before the kill are gone, though they were answered 201.",
            "Every link that was answered 201 is there; only requests in between fail.",
            "The file is cut in the middle, and the service does not start any more.",
        ),
        right=_after_the_kill,
        load=Load(seconds=10.0, write_share=0.3),
        schedule=(
            At(3.0, "kill -9 app", lambda stage: stage.kill("app")),
            At(5.0, started, lambda stage: stage.start("app")),
        ),
        mended=started,
        explanation="""A kill -9 asks nobody: whatever was only in the process's memory is gone. {acknowledged} links
            had been answered 201, and {lost} of them were lost. A service that loses none answers only after the new
            file is on disk (fsync) and has taken the old one's place in one step (rename); then the file is the old
            one or the new one, never half of one. Durable is not the same as available: for {out_of_service} nobody
            was served, and {failed} requests failed. The writes that are unknown ({unknown}) lost their connection
            before the answer came: the client cannot tell whether they were applied, and neither can we. A client
            that simply sends such a write again may make two links of it; lab 3 brings the key that prevents it.""",
    )


def _after_the_kill(timeline: Timeline) -> int:
    window = timeline.failed_window()
    if window is not None and window[1] is None:
        return 2
    return 0 if timeline.audit is not None and timeline.audit.lost else 1


def two_copies() -> Experiment:
    return Experiment(
        name="two-copies",
        lab=1,
        title="two copies of the service on one file",
        question="""A second copy of the service is started on the same file, and writes go to both in turn. Both
            answer 201. Then both are restarted. How many of the links are there?""",
        answers=(
            "All of them: both copies write to the same file.",
            "Only part of them: each copy overwrites what the other one wrote.",
            "None: the file is spoilt, because two processes wrote to it at once.",
        ),
        right=_share_lost,
        load=Load(seconds=6.0, rate=100.0, write_share=0.6, links=50, targets=("app", "app-lab1-copy")),
        schedule=(
            At(6.1, "second copy restarted", lambda stage: stage.restart("app-lab1-copy")),
            At(6.2, "app restarted", lambda stage: stage.restart("app")),
        ),
        profiles=frozenset({"lab-1-two-copies"}),
        own_stage=True,
        measure=_lost_in_percent,
        explanation="""Of {requests} requests {failed} failed, and yet {lost} of {acknowledged} acknowledged links
            were lost ({lost_percent} %). Each copy keeps all links in memory and writes the whole file from there. A
            copy does not know of the other one's links, so each of its writes puts back the file without them: a lost
            update. Nothing was torn, each file was whole; there were two truths, and the last writer won. This is why
            you cannot simply start a second copy of a service whose data lives inside it. One place that orders all
            writes is needed, and lab 2's Postgres is that place.""",
    )


def _share_lost(timeline: Timeline) -> int:
    lost, acknowledged = _lost(timeline)
    if not lost:
        return 0
    return 2 if lost == acknowledged else 1


def _lost_in_percent(timeline: Timeline) -> dict[str, float]:
    lost, acknowledged = _lost(timeline)
    return {"lost_percent": round(100 * lost / max(1, acknowledged))}


def _lost(timeline: Timeline) -> tuple[int, int]:
    return (len(timeline.audit.lost), timeline.audit.acknowledged) if timeline.audit else (0, 0)


def disk_full() -> Experiment:
    space = "room on the disk again"
    return Experiment(
        name="disk-full",
        lab=1,
        title="the disk is full",
        question="The disk fills up while people follow links and make new ones. What do they notice?",
        answers=(
            "Nothing works any more: the service fails, redirects too.",
            "New links are refused with 503, redirects go on, and no link that was acknowledged is lost.",
            "New links are answered 201 as before, and later they are not there.",
        ),
        right=_on_a_full_disk,
        load=Load(seconds=9.0, write_share=0.3),
        schedule=(
            At(3.0, "the disk is full", lambda stage: stage.fill("app")),
            At(6.0, space, lambda stage: stage.heal()),
        ),
        mended=space,
        measure=_while_it_was_full,
        explanation="""While the disk was full, {redirects_failed} of {redirects_meanwhile} redirects failed: they are
            answered from memory and need no disk. New links do: {links_refused} were answered 503 with Retry-After.
            The ledger counts these as unknown, because a 5xx does not say whether something was written. Of
            {acknowledged} acknowledged links {lost} were lost: the new file is written beside the old one, and takes
            its place only when it is whole. A service that writes over its file in place would have cut it to nothing
            at the moment the disk was full. And it took links again by itself {recovery} after there was room: a full
            disk is an error to answer, not a reason to die.""",
    )


def _while_it_was_full(timeline: Timeline) -> dict[str, float]:
    full, space = timeline.fault("is full"), timeline.fault("room on the disk")
    if full is None or space is None:
        return {"redirects_meanwhile": 0, "redirects_failed": 0, "links_refused": 0}
    redirects = timeline.between(full.start, space.start, "GET /{id}")
    writes = timeline.between(full.start, space.start, "POST /links")
    return {
        "redirects_meanwhile": len(redirects),
        "redirects_failed": sum(request.outcome != "ok" for request in redirects),
        "links_refused": sum(request.status == 503 for request in writes),
    }


def _on_a_full_disk(timeline: Timeline) -> int:
    """Refused means just that: where no new link was refused, they were taken, kept or not."""
    figures = timeline.figures
    if (timeline.audit is not None and timeline.audit.lost) or (
        not figures["links_refused"] and not figures["redirects_failed"]
    ):
        return 2
    return 0 if figures["redirects_failed"] else 1
