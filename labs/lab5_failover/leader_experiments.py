"""Lab 5's failures of the node that leads, and of etcd, where it holds its lease: seven faults, one load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.failover.cluster import leader_of
from infra.runtime.protocol import Runtime
from labs.lab5_failover.strikes import STRIKES

POST = "POST /links"
_AT, _LEASE = 3.0, 20.0  # seconds: when it happens; `ttl` in infra/config/patroni/patroni.yml
_MENDED = "the node is let go on"
_RATE = 40.0  # the service's own limit is 50 a second for each client address


def host_killed() -> Experiment:
    return _struck(
        "leader-host",
        "the host of the leader is killed",
        "host",
        """Three Postgres nodes follow one leader, which holds a lease of 20 s in etcd and renews it each second. The
        leader's host dies: Postgres, Patroni, everything. For how long can nobody make a new link?""",
        (
            "Not at all: the others have a copy of everything, and one of them steps in at once.",
            "About a second: the connections to it break at once, and the others see that.",
            "About as long as the lease: until it runs out nobody may lead.",
        ),
        lambda timeline: 0 if _outage(timeline) < 0.5 else 1 if _outage(timeline) < _LEASE / 2 else 2,
        """Nobody could write for {outage_seconds}. The others noticed at once that the connection was gone, and could
        not know more: a host that is dead and one that cannot be reached look the same from outside. Would one of them
        take over while the old leader still writes, there would be two. So they wait until its lease has run out
        ({free_seconds}); {promoted_seconds} after the kill one of them was promoted. Whoever *knows* that the host is
        dead, since he cut its power, may take the lease from it: `lab failover --fenced` does so, and takes about a
        second. Of {acknowledged} acknowledged links {lost} were lost: each commit had waited for another node.""",
    )


def only_postgres_killed() -> Experiment:
    return _struck(
        "leader-postgres",
        "only the leader's Postgres is killed",
        "postgres",
        """Now only the Postgres of the leader is killed. Its Patroni lives, on the same host, and sees it. What does
        that change?""",
        (
            "Nothing: the lease must run out here too.",
            "Much: Patroni gives the lease back by itself, and another node leads after a few seconds.",
            "Patroni starts Postgres again on the same node, which goes on leading.",
        ),
        lambda timeline: 0 if _outage(timeline) > _LEASE / 2 else 1,
        """Nobody could write for {outage_seconds}. Patroni looks at its Postgres each second. It saw that it was gone
        and gave the lease back, which a dead host cannot do; the lease was free after {free_seconds}. That it did not
        rather start its own Postgres again is a setting, primary_start_timeout: 0, since a crash recovery can take any
        time. {lost} of {acknowledged} acknowledged links were lost. The old node follows the new leader by itself.""",
    )


def only_patroni_killed() -> Experiment:
    return _struck(
        "leader-patroni",
        "only the leader's Patroni is killed",
        "patroni",
        """The other way round: Patroni on the leader is killed, and its Postgres goes on. Nobody renews the lease any
        more. When can nobody write?""",
        (
            "From the kill on, until the lease has run out.",
            "Never: Postgres goes on as before.",
            "Not from the kill on: Postgres takes writes until the lease runs out and another node is promoted. Then"
            " there is a short gap.",
        ),
        lambda timeline: 0 if _outage(timeline) > _LEASE / 2 else 1 if _outage(timeline) < 0.5 else 2,
        """Postgres knows nothing of leases. It went on as leader, {free_seconds} long, without anybody to stop it, and
        {promoted_seconds} after the kill another node was promoted beside it: two that take writes! What saved the
        links is that each commit waits for a synchronous standby: the one standby it had was the one that left it, so
        the old leader could acknowledge nothing any more. {lost} of {acknowledged} acknowledged links were lost, and
        clients waited {outage_seconds} at most. With `lab replication asynchronous` this fault loses links by the
        thousand. A watchdog, which resets a host whose Patroni is gone, is the cure where there is one.""",
    )


def leader_paused() -> Experiment:
    return _struck(
        "leader-paused",
        "the leader stands still for longer than its lease",
        "pause",
        """The leader's host is frozen for longer than its lease, as by a long stop of the virtual machine, and then
        goes on: Postgres and Patroni alike, just where they were. It believes that it leads. What becomes of the links
        that it acknowledges then?""",
        (
            "They are lost: it acknowledges writes for a moment, and is then wound back.",
            "It acknowledges none: no standby confirms a commit to it any more.",
            "They are merged into the new leader's data.",
        ),
        lambda timeline: 0 if timeline.audit is not None and timeline.audit.lost else 1,
        """After {free_seconds} its lease was gone, and another node led after {promoted_seconds}. When the old one woke
        up, the connections to it were still open, and Patroni needed a moment until it saw whose the lease was. A
        commit in that moment waited for a standby that had left, and got no answer: an error, not a wrong success. So
        {lost} of {acknowledged} acknowledged links were lost. Nobody could write for {outage_seconds}: a host that
        stands still does not even refuse a connection. Time alone does not save you here: a process cannot know how
        long it was stopped between looking at its lease and its next step. The election's experiments show that.""",
    )


def leader_cut_from_etcd() -> Experiment:
    return _untouched(
        "leader-cut-off",
        "the leader is cut off from etcd, and from nothing else",
        lambda stage: stage.cut(leader_of(stage), "etcd"),
        """The link between the leader and etcd is cut, and no other: the leader cannot renew its lease, and clients and
        the other nodes still reach it. What happens when the lease has run out?""",
        "the leader's",
    )


def etcd_killed() -> Experiment:
    return _untouched(
        "etcd-killed",
        "etcd is killed",
        lambda stage: stage.kill("etcd"),
        """etcd is killed, where the lease is kept. Nobody can renew it, and nobody can take it. What do the clients
        notice?""",
        "etcd's",
    )


def _untouched(name: str, title: str, do: Callable[[Runtime], None], question: str, what: str) -> Experiment:
    return Experiment(
        name=name,
        lab=5,
        title=title,
        question=question,
        answers=(
            "The leader steps down as soon as it cannot renew its lease: nobody can write until etcd answers again.",
            "Nothing: the leader asks every other node whether it may go on, and all agree.",
            "Another node is promoted once the lease has run out.",
        ),
        right=lambda timeline: 1 if _outage(timeline) < 2.0 else 0,
        load=Load(8, _AT + _LEASE + 12.0, _RATE, write_share=1.0, key_share=1.0, links=20, targets=("balancer",)),
        schedule=(
            At(_AT, title, do),
            At(_AT + _LEASE + 7.0, _MENDED, lambda stage: stage.heal()),
        ),
        needs=("postgres", "redis", "kafka"),
        mended=_MENDED,
        measure=lambda timeline: {"outage_seconds": _outage(timeline)},
        explanation=f"""The longest time without an acknowledged link was {{outage_seconds}}, and {{lost}} of
            {{acknowledged}} were lost. A leader that cannot renew its lease must step down, or there may be two: that
            is the rule, and it would make etcd's death the database's. Patroni's failsafe mode is the exception: a
            leader that reaches *every* other node asks each of them whether it may go on. While all agree, no other one
            can have taken the lead, so it may. Were one of them out of reach as well, it would step down. The fault was
            {what}, and lasted for longer than the lease.""",
    )


def _struck(
    name: str,
    title: str,
    strike: str,
    question: str,
    answers: tuple[str, ...],
    right: Callable[[Timeline], int],
    explanation: str,
) -> Experiment:
    chosen, struck = STRIKES[strike], dict[str, str]()

    def do(stage: Runtime) -> Mapping[str, float]:
        change = chosen.do(stage)
        struck["old"] = change.old
        free = change.promoted if change.free is None else change.free
        return {"free_seconds": free - change.began, "promoted_seconds": change.promoted - change.began}

    def mend(stage: Runtime) -> None:
        if "old" in struck:
            chosen.mend(stage, struck["old"])

    return Experiment(
        name=name,
        lab=5,
        title=title,
        question=question,
        answers=answers,
        right=right,
        load=Load(8, _AT + _LEASE + 15.0, _RATE, write_share=1.0, key_share=1.0, links=20, targets=("balancer",)),
        schedule=(At(_AT, title, do), At(_AT + _LEASE + 5.0, _MENDED, mend)),
        needs=("postgres", "redis", "kafka"),
        mended=_MENDED,
        measure=lambda timeline: {"outage_seconds": _outage(timeline)},
        explanation=explanation,
    )


def _outage(timeline: Timeline) -> float:
    """The longest time in seconds without an acknowledged write, from just before the fault on."""
    ends = sorted(one.end for one in timeline.requests if one.name == POST and one.outcome == "ok")
    return max((after - before for before, after in pairwise(ends) if after > _AT), default=timeline.seconds)
