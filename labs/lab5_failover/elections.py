"""Lab 5's failures of an election: the leader is paused past its lease, on Redis, with a fence, and on etcd."""

from __future__ import annotations

from collections.abc import Callable

from infra.experiment.experiment import Experiment, FaultSpan, Load, Series, Timeline
from infra.runtime.protocol import Progress, Runtime
from labs.lab5_failover.election.events import at_once
from labs.lab5_failover.election.lesson import NODES, PROFILE, Run, Way, run

_PAUSES = 3
_STEP = 0.1  # seconds between two points of a series
_NOBODY = Load(users=0, seconds=0.0, rate=None, links=0)
_QUESTION = f"""Three nodes share one job: expired links are deleted. The one that holds the lease leads; in each round
    it looks at the lease, and renews it. {_PAUSES} times whoever leads is frozen in the middle of a round, until
    another one leads, and then goes on. Meanwhile the links in its hand are renewed by their owners. """


def two_leaders() -> Experiment:
    return _experiment(
        "two-leaders",
        Way("redis", fenced=False),
        title="the leader is paused past its lease (Redis)",
        question=_QUESTION + "The lease is a key in Redis with an expiry. What becomes of the links?",
        answers=(
            "They stay: Redis gives the lease to one node at a time, so only one writes at a time.",
            "They are deleted: the old leader ends its round when it wakes, and nobody stops it.",
            "They stay: the old leader looks at its lease before it does anything else.",
        ),
        right=lambda figures: 1 if figures["stale_writes_accepted"] else 2,
        explanation="""{stale_writes_accepted} writes of a leader of the past were accepted, and
            {renewed_links_deleted} renewed links were deleted. {leaders_at_once} nodes led at once, each of them for
            good reasons. Redis did give the lease to one at a time; what it cannot give is the knowledge that the time
            is over, to a node that is frozen. The old leader had looked at its lease, and it was its own. Then it
            slept: a garbage collector, a virtual machine that moves, a disk that hangs. It woke up in the line after
            the look. A second look just before the write makes the moment shorter and does not take it away, for
            between that look and the write there is a moment again. For {longest_gap_seconds} at most nobody was at
            work: that is the lease, which has to run out first.""",
    )


def fencing_token() -> Experiment:
    return _experiment(
        "fencing-token",
        Way("redis", fenced=True),
        title="the same, and the storage checks a fencing token",
        question=_QUESTION
        + """Each term has a number, greater than the last one's; each write carries it, and the storage keeps the
            newest that it has seen. Does that prevent two leaders?""",
        answers=(
            "Yes: with the token only the newest one leads.",
            "No: there are two as before, but what the old one writes is refused.",
            "No, and it does not help either: the old one has a valid token, too.",
        ),
        right=lambda figures: 2 if figures["stale_writes_accepted"] else 1 if figures["leaders_at_once"] > 1 else 0,
        explanation="""{leaders_at_once} nodes led at once, as before: the fence prevents that as little as the lease
            does. But of the old leaders' writes {stale_writes_refused} were refused and {stale_writes_accepted}
            accepted, and {renewed_links_deleted} renewed links were deleted. The storage compares the token in the
            same transaction as the write, so there is no moment in between. The new leader shows its token before it
            reads, so that nothing it has read is changed by an older one afterwards. Two things are needed for it: a
            number that only ever grows, and a storage that takes part. The number comes from INCR here, in the same
            script that takes the lease. It is as lasting as Redis's memory: after a restart it begins anew, and the
            storage refuses the terms until one is past the newest token. That is the safe way to be wrong.""",
    )


def etcd_lease() -> Experiment:
    return _experiment(
        "etcd-lease",
        Way("etcd", fenced=False),
        title="the same on etcd, without a fence",
        question=_QUESTION
        + """Now the lease is in etcd, which was made for that: leases, transactions, members that agree. There is no
            fence. What becomes of the links?""",
        answers=(
            "They stay: etcd tells a node at once when its lease has ended.",
            "They are deleted as with Redis: it is not the lease's keeper that fails here.",
            "They stay: etcd does not give a lease away while its holder is only frozen.",
        ),
        right=lambda figures: 1 if figures["stale_writes_accepted"] else 0,
        explanation="""{stale_writes_accepted} stale writes were accepted and {renewed_links_deleted} renewed links
            deleted: just as with Redis. No keeper can tell a frozen node from a dead one, and whoever is told
            something while it is frozen does not hear it. What etcd has over Redis is the token that comes with the
            lease for nothing: every change has a revision, greater than all before, and the revision in which the key
            was made is the number of the term. `lab elect etcd --fenced` uses it. Nobody was at work for
            {longest_gap_seconds} at most: etcd gives no lease shorter than 2 s, and looks twice a second for those
            that have ended. The leader among the Postgres nodes holds its lease in etcd, too, and is no wiser when it
            is frozen.""",
    )


def _experiment(
    name: str,
    way: Way,
    *,
    title: str,
    question: str,
    answers: tuple[str, ...],
    right: Callable[[dict[str, float]], int],
    explanation: str,
) -> Experiment:
    def play(stage: Runtime, progress: Progress) -> Timeline:
        return as_timeline(run(stage, way, _PAUSES, progress))

    return Experiment(
        name=name,
        lab=5,
        title=title,
        question=question,
        answers=answers,
        right=lambda timeline: right(timeline.figures),
        load=_NOBODY,
        schedule=(),
        needs=("postgres", "redis", "etcd"),
        own_stage=True,
        profiles=frozenset({PROFILE}),
        own_load=play,
        explanation=explanation,
    )


def as_timeline(done: Run) -> Timeline:
    """Who believed that it led, and the pauses, on the clock of `lab break`."""
    seconds = done.ended - done.began
    moments = [number * _STEP for number in range(int(seconds / _STEP) + 1)]

    def series(name: str, what: str, *nodes: str) -> Series:
        mine = [term for term in done.terms if term.node in nodes]
        return Series(name, what, tuple((at, float(at_once(mine, done.began + at))) for at in moments))

    faults = [
        FaultSpan(f"{pause.node} is frozen in the middle of a round", pause.start - done.began, pause.end - done.began)
        for pause in done.pauses
    ]
    figures = {
        "leaders_at_once": float(done.leaders_at_once),
        "stale_writes_accepted": float(len(done.stale)),
        "stale_writes_refused": float(len(done.refusals)),
        "renewed_links_deleted": float(done.renewed_and_gone),
        "longest_gap_seconds": done.longest_gap,
    }
    rows = [series(f"node {node[-1]}", f"{node} believes that it leads", node) for node in NODES]
    rows.append(series("leaders", "nodes that believe so at once", *NODES))
    return Timeline((), tuple(faults), seconds, None, figures, tuple(rows))
