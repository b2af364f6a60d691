"""Lab 4: the database's files are deleted under load, and come back from a backup and the archived log."""

from __future__ import annotations

from infra.backup.restore import lose, restore
from infra.backup.take import take
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies.servers import BALANCER

_LOST, _RESTORED = "Postgres is killed, and its files are deleted", "lab restore"


def lost_database() -> Experiment:
    return Experiment(
        name="lost-database",
        lab=4,
        title="the database is deleted, then restored",
        question="""A base backup was made before anybody came. Since then links have been made, under load. Now
            Postgres is killed, and every one of its files is deleted. What does `lab restore` bring back?""",
        answers=(
            "The backup: all links that were made since are lost.",
            "Every acknowledged link, but perhaps those of the last moment.",
            "Nothing: who deletes the database has deleted its log as well.",
        ),
        right=_what_came_back,
        load=Load(users=20, seconds=20.0, rate=100.0, write_share=0.2, targets=(BALANCER,)),
        schedule=(At(5.0, _LOST, lose), At(6.0, _RESTORED, _restore)),
        needs=("postgres", "redis", "kafka"),
        own_stage=True,
        mended=_RESTORED,
        prepare=_backup,
        explanation="""Of {acknowledged} links that had been acknowledged, all of them after the backup, {lost} were
            lost. The backup alone would have lost every one. What brought them back is the log: Postgres writes each
            change to its write-ahead log before it answers, and a process in a box of its own copied that log as it
            was written. A restore lays the backup down and replays the log, up to its end or up to any moment that
            you name: --to a minute before somebody typed DELETE without WHERE. Two figures belong to it. RTO, how
            long until people are served again: {rto_seconds} here. RPO, how much time's worth of acknowledged writes
            may be missing: {rpo_seconds} here, since the log is copied a moment after the answer and not before it.
            Waiting for the copy (synchronous) makes that zero, and each write slower. While Postgres was away
            redirects came from Redis for those links that it knew; then the restore stopped everybody who uses the
            database, for a moment that is past must not be written to. {clicks_seen} redirects were seen and
            {clicks_counted} clicks counted: their position lies in the same database as the counts, so that the
            worker went back with it and counted on from there. Replication is no backup: a DELETE is replicated
            within milliseconds. And a backup that nobody has restored yet is a hope.""",
    )


def _backup(stage: Runtime) -> None:
    take(stage)


def _restore(stage: Runtime) -> dict[str, float]:
    done = restore(stage, None, lambda sentence: None)
    return {"rto_seconds": done.seconds, "rpo_seconds": done.loss or 0.0}


def _what_came_back(timeline: Timeline) -> int:
    audit = timeline.audit
    if audit is None or len(audit.lost) >= audit.acknowledged:
        return 2
    return 0 if len(audit.lost) > 0.3 * audit.acknowledged else 1
