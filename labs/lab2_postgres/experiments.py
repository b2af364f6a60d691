"""Lab 2's failures: Postgres killed under load, a pool that is used up, an index that is gone, and a deadlock."""

from __future__ import annotations

from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline, percentile
from labs.lab2_postgres.dropped_index import index_dropped
from labs.lab2_postgres.sessions import OpenTransaction, deadlocks

_GET = "GET /{id}"
_LONG = 1.0  # seconds: who waits longer for a redirect has the feeling that it hangs


def experiments() -> tuple[Experiment, ...]:
    return kill_postgres(), pool_used_up(), index_dropped(), deadlock()


def kill_postgres() -> Experiment:
    started = "postgres started again"
    return Experiment(
        name="kill-postgres",
        lab=2,
        title="kill -9 Postgres under load",
        question="What will happen if Postgres is killed under load, and started again 4 s later?",
        answers=(
            "Requests hang until Postgres is back.",
            "Requests are answered 503, none hangs, and the service recovers by itself, with every acknowledged link.",
            "The service fails with its database, and must be started again.",
            "The service recovers, but the last links that it acknowledged are gone.",
        ),
        right=_after_the_kill,
        load=Load(seconds=14.0, write_share=0.3),
        schedule=(
            At(3.0, "kill -9 postgres", lambda stage: stage.kill("postgres")),
            At(7.0, started, lambda stage: stage.start("postgres")),
        ),
        needs=("postgres",),
        mended=started,
        measure=_who_waited,
        explanation="""For {out_of_service} there was no database. Of {requests} requests {failed} failed, and
            {unknown} writes are unknown. Half of all these had their answer within {typical_failure_seconds}, the
            longest request took {longest}, and of the {caught_at_first} requests that the first second caught
            {waited_for_postgres} still waited when Postgres was started. How long a client waits depends on how a
            dead server looks: a closed port refuses at once (the local runtime), an address that is gone answers
            nothing at all (Docker), and then only a bound that the service sets itself ends the wait. A client that
            hears 503 with Retry-After can try again; one that hangs holds a connection. The service did not end with
            its database: it connects when a request needs it, and the first stable answer came {recovery} after the
            order to start Postgres. Of {acknowledged} acknowledged links {lost} were lost: Postgres answers COMMIT
            when its write-ahead log is on disk, and replays that log when it starts. Of the unknown writes
            {unknown_applied} were there afterwards. Any such write had been committed, and only its answer was lost:
            this is why a 503 to a write means "unknown" to our ledger and not "failed".""",
    )


def _after_the_kill(timeline: Timeline) -> int:
    if timeline.audit is not None and timeline.audit.lost:
        return 3
    window = timeline.failed_window()
    if window is not None and window[1] is None:
        return 2
    return 0 if timeline.figures["waited_for_postgres"] > 0.1 * timeline.figures["caught_at_first"] else 1


def _who_waited(timeline: Timeline) -> dict[str, float]:
    """How long failures took, and how many of those that the outage caught in its first second waited to its end."""
    failures = [request.seconds for request in timeline.requests if request.outcome != "ok"]
    figures = {
        "typical_failure_seconds": percentile(failures, 0.5) or 0.0,
        "caught_at_first": 0,
        "waited_for_postgres": 0,
    }
    killed, started = timeline.fault("kill -9 postgres"), timeline.fault("started again")
    if killed is not None and started is not None:
        asked = timeline.between(killed.start, min((killed.end or killed.start) + 1.0, started.start))
        caught = [request for request in asked if request.outcome != "ok" or request.seconds > 1.0]
        figures["caught_at_first"] = len(caught)
        figures["waited_for_postgres"] = sum(request.end >= started.start for request in caught)
    return figures


def pool_used_up() -> Experiment:
    transaction = OpenTransaction()
    ended = "the transaction is ended"
    return Experiment(
        name="pool",
        lab=2,
        title="the pool is used up by a long transaction",
        question="""Somebody begins a transaction on Postgres that locks the table links against writes, and goes to
            lunch. Reading needs no such lock. What do the people notice who only follow links?""",
        answers=(
            "Nothing: Postgres answers their queries as before.",
            "Their requests fail or wait too: the writes that wait hold every connection of the pool.",
            "They wait, and so do the writes, until the transaction ends. Nothing fails.",
        ),
        right=_who_only_reads,
        load=Load(users=60, seconds=10.0, rate=200.0, write_share=0.5),
        schedule=(
            At(2.0, "a transaction locks links against writes", transaction.begin),
            At(6.0, ended, transaction.end),
        ),
        needs=("postgres",),
        mended=ended,
        undo=transaction.end,
        measure=_reads_in_trouble,
        explanation="""While the lock was held, {reads_in_trouble} of {reads_meanwhile} redirects failed or took
            longer than 1 s, though not one of them needed the lock. Each write waits for it on a connection, and the
            pool has a bounded number of connections: when all of them wait, a redirect cannot even ask. So a lock in
            one place spreads, through a shared resource, to those who have nothing to do with it. The bounds did
            their work: the longest request took {longest}, and {over_5_s} took over 5 s. More connections would only
            have moved the moment. What helps: short transactions, lock_timeout, idle_in_transaction_session_timeout,
            and a pool of their own for reads (a bulkhead, lab 4).""",
    )


def _reads_in_trouble(timeline: Timeline) -> dict[str, float]:
    begun, ended = timeline.fault("locks links"), timeline.fault("is ended")
    if begun is None or ended is None:
        return {"reads_meanwhile": 0, "reads_in_trouble": 0}
    reads = timeline.between(begun.start, ended.start, _GET)
    trouble = [read for read in reads if read.outcome != "ok" or read.seconds > _LONG]
    return {"reads_meanwhile": len(reads), "reads_in_trouble": len(trouble)}


def _who_only_reads(timeline: Timeline) -> int:
    """A tenth of the redirects in trouble is trouble that people notice."""
    if timeline.figures["reads_in_trouble"] < 0.1 * timeline.figures["reads_meanwhile"]:
        return 0
    return 1 if timeline.count("failed") + timeline.count("unknown") else 2


def deadlock() -> Experiment:
    return Experiment(
        name="deadlock",
        lab=2,
        title="deadlocks under traffic",
        question="""Two transactions change the same two links in opposite order, and each waits for the other one: a
            deadlock. People follow exactly these links. What do they notice?""",
        answers=(
            "Nothing: they read the links as they were, and Postgres ends one of the two transactions.",
            "Their redirects wait until the deadlock is over.",
            "Nothing, but both transactions wait for ever.",
            "The service fails: its pool is full of sessions that wait.",
        ),
        right=_what_readers_noticed,
        load=Load(seconds=8.0, links=20, write_share=0.2),
        schedule=(At(2.0, "ten deadlocks, one after the other", deadlocks),),
        needs=("postgres",),
        measure=_redirects_meanwhile,
        explanation="""{failed} of {requests} requests failed. A redirect took {redirect_before_seconds} (p99) before
            and {redirect_meanwhile_seconds} while there were deadlocks. Readers see the last committed version of a
            row and do not wait for those who change it (MVCC). In each of the {deadlocks} deadlocks Postgres waited
            for deadlock_timeout (200 ms here), looked for a circle, and ended one of the two transactions with error
            40P01; the other one went on: {transactions_ended} ended, {transactions_finished} finished, each circle
            broken {broken_after_seconds} after it was closed. Whoever is ended must try again from its BEGIN. Better,
            take locks in one order everywhere, such as by id: then no circle can close. See it step by step: `lab
            replay deadlock`.""",
    )


def _redirects_meanwhile(timeline: Timeline) -> dict[str, float]:
    span = timeline.fault("deadlocks")
    if span is None or span.end is None:
        return {"redirect_before_seconds": 0.0, "redirect_meanwhile_seconds": 0.0}
    before, during = (
        timeline.percentile(0.99, _GET, 0.0, span.start),
        timeline.percentile(0.99, _GET, span.start, span.end),
    )
    return {"redirect_before_seconds": before or 0.0, "redirect_meanwhile_seconds": during or 0.0}


def _what_readers_noticed(timeline: Timeline) -> int:
    """A redirect that waited for a deadlock would have waited for deadlock_timeout, 0.2 s, at least."""
    if timeline.count("failed") + timeline.count("unknown") > 0.01 * timeline.count():
        return 3
    figures = timeline.figures
    if figures["transactions_finished"] < figures["deadlocks"]:
        return 2
    waited = (
        figures["redirect_meanwhile_seconds"] > 0.2
        and figures["redirect_meanwhile_seconds"] > 3 * figures["redirect_before_seconds"]
    )
    return 1 if waited else 0
