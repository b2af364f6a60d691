"""Lab 5's failures of replication: a log that comes late, and a leader that dies and was the only one to have all."""

from __future__ import annotations

from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.failover.change import fail_over, set_synchronous
from infra.failover.cluster import REPLICA, SYNCHRONOUS, leader_of, look
from infra.failover.patroni import nodes
from infra.runtime.protocol import Runtime
from labs.lab5_failover.strikes import until_whole

POST = "POST /links"
_SLOW = 0.1  # seconds each way
_LATE = 4.0  # seconds each way: what is under way when the leader dies comes too late to whoever leads next
_FIRST, _SECOND, _LASTS = 4.0, 14.0, 6.0  # seconds: when the one and the other link is slow, and for how long


def lagging_replica() -> Experiment:
    return Experiment(
        name="lagging-replica",
        lab=5,
        title="the log comes late to a replica: first to one that nobody waits for, then to the synchronous one",
        question="""Of the two nodes that follow the leader one is synchronous. For six seconds everything between the
            leader and the *other* one takes 100 ms longer each way, then the same between the leader and the
            synchronous one. When do new links take longer?""",
        answers=(
            "Both times: the leader sends its log to both.",
            "Only when the synchronous one is slow: each commit waits for its answer.",
            "Never: the log is sent in the background.",
        ),
        right=_when_slow,
        load=Load(8, _SECOND + _LASTS + 4.0, 40.0, write_share=1.0, key_share=1.0, links=20, targets=("balancer",)),
        schedule=(
            At(_FIRST, "the replica that nobody waits for is 100 ms away", lambda stage: _slow(stage, REPLICA, _SLOW)),
            At(_FIRST + _LASTS, "its link is quick again", lambda stage: _slow(stage, REPLICA, 0.0)),
            At(_SECOND, "the synchronous one is 100 ms away", lambda stage: _slow(stage, SYNCHRONOUS, _SLOW)),
            At(_SECOND + _LASTS, "its link is quick again, too", lambda stage: stage.heal()),
        ),
        needs=("postgres", "redis", "kafka"),
        measure=_latencies,
        explanation="""A new link took {before_seconds} (median) before, {replica_seconds} while the replica was slow,
            and {synchronous_seconds} while the synchronous one was: the way there and back, on each commit. That is the
            price of losing nothing, and why a synchronous standby stands near. The slow replica cost the writers
            nothing, and its readers everything that is newer than its copy: see the session token. Patroni keeps a
            synchronous standby that is slow; were it gone, another one would be made synchronous.""",
    )


def asynchronous_loss() -> Experiment:
    return Experiment(
        name="asynchronous-loss",
        lab=5,
        title="the leader of an asynchronous cluster dies",
        question="""`lab replication asynchronous`: a commit waits for nobody. The log comes four seconds late to the
            other nodes, and then the leader's host dies. What becomes of the links that were acknowledged in those
            seconds?""",
        answers=(
            "They are there: the log was under way and still arrives.",
            "They are gone, though each client was told 201.",
            "They come back as soon as the old leader is started again.",
        ),
        right=lambda timeline: 1 if timeline.audit is not None and timeline.audit.lost else 0,
        load=Load(8, 16.0, 40.0, write_share=1.0, key_share=1.0, links=20, targets=("balancer",)),
        schedule=(
            At(6.0, "the leader's host is killed, its lease taken", _kill),
            At(10.0, "every node is back, and the links quick", lambda stage: stage.heal()),
        ),
        needs=("postgres", "redis", "kafka"),
        prepare=_let_nobody_wait,
        undo=_let_commits_wait,
        explanation="""{lost} of {acknowledged} acknowledged links are lost. The old leader had them, and acknowledged
            them; the new one never did. What was under way came too late: a node that leads takes nothing more from the
            old one. Nor do they come back with the old leader: it is wound back (pg_rewind) to where the two parted,
            and follows. The same with a synchronous standby costs a round trip on each commit, and loses none: try
            `lab failover --fenced`, as often as you like.""",
    )


def _slow(stage: Runtime, role: str, seconds: float) -> None:
    """The link between the leader and the first node of that role, each way. To heal it in place of 0 s would wait for
    every box, and the next fault come too late on a busy machine."""
    cluster = look(stage)
    node = next((one.name for one in cluster.nodes.values() if one.role == role), None)
    if node is not None and cluster.leader is not None:
        stage.slow(node, cluster.leader, seconds)


def _kill(stage: Runtime) -> None:
    fail_over(stage, fenced=True)


def _let_nobody_wait(stage: Runtime) -> None:
    set_synchronous(stage, False)
    leader = leader_of(stage)
    for node in nodes(stage):
        if node != leader:
            stage.slow(node, leader, _LATE)


def _let_commits_wait(stage: Runtime) -> None:
    stage.heal()
    until_whole(stage)
    set_synchronous(stage, True)


def _latencies(timeline: Timeline) -> dict[str, float]:
    """While each link was slow: when that was is measured, not planned, as a busy machine takes seconds to slow one."""
    slow, quick, late, _ = timeline.faults
    spans = {
        "before": (1.0, slow.start),
        "replica": (slow.end or slow.start, quick.start),
        "synchronous": (late.end or late.start, late.start + _LASTS),
    }
    return {f"{name}_seconds": timeline.percentile(0.5, POST, *span) or 0.0 for name, span in spans.items()}


def _when_slow(timeline: Timeline) -> int:
    limit = timeline.figures["before_seconds"] + _SLOW
    slow = [timeline.figures[f"{name}_seconds"] > limit for name in ("replica", "synchronous")]
    return 0 if all(slow) else 1 if slow[1] else 2
