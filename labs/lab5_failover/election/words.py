"""What the runs of `lab elect` say, in words that hold for the figures that came out. Lab 5."""

from __future__ import annotations

from collections.abc import Sequence

from infra.experiment.picture import duration
from labs.lab5_failover.election.lesson import Run


def figures(run: Run) -> list[tuple[str, str]]:
    """The lines of the table: what it is, and the figure."""
    return [
        ("leader paused in the middle of a round", f"{len(run.pauses)} times"),
        ("leaders at once, at most", f"{run.leaders_at_once}"),
        ("stale writes accepted", f"{len(run.stale)}"),
        ("stale writes refused", f"{len(run.refusals)}"),
        ("links renewed meanwhile", f"{run.renewed}"),
        ("... and deleted all the same", f"{run.renewed_and_gone}"),
        ("longest time without a leader at work", duration(run.longest_gap)),
    ]


def meaning(runs: Sequence[Run]) -> list[str]:
    """A paragraph for each kind of run there is, and what they have in common."""
    unfenced = [run for run in runs if not run.way.fenced]
    fenced = [run for run in runs if run.way.fenced]
    said = [_of_leaders(runs)]
    if unfenced:
        said.append(_of_unfenced(unfenced))
    if fenced:
        said.append(_of_fenced(fenced))
    if len({run.way.keeper for run in runs}) > 1:
        said.append(
            "Redis and etcd differ less than their names: each gave the lease away while its holder was frozen, as it "
            "must, or nobody would ever lead again. What differs is where the token comes from. etcd's is the revision "
            "of its whole store, on which its members agree before anybody hears of it; the counter in Redis is gone "
            "with Redis's memory, or after a failover to a replica that had not heard of it yet."
        )
    return said


def _of_leaders(runs: Sequence[Run]) -> str:
    most = max(run.leaders_at_once for run in runs)
    if most < 2:
        return "This time nobody believed that it led while another one did: run it again."
    gap = duration(max(run.longest_gap for run in runs))
    return (
        f"Up to {most} nodes believed at once that they led. A node that is frozen cannot look at its lease; when it "
        "goes on, it ends what it had begun. No lease can prevent that, since between the look and the write there is "
        f"always a moment. Nobody was at work for {gap} at most: the lease has to run out first. A shorter one makes "
        "that shorter, and more leaders that were only slow are taken for dead."
    )


def _of_unfenced(runs: Sequence[Run]) -> str:
    stale, gone = sum(len(run.stale) for run in runs), sum(run.renewed_and_gone for run in runs)
    if not stale:
        return "Without a fence no stale write came through this time: the pauses fell between two rounds. Try again."
    return (
        f"Without a fence the storage took {stale} {_writes(stale)} of a leader of the past, and with them {gone} "
        "links went that somebody had renewed in the meantime: it had read that their time was over, and that had been "
        "true."
    )


def _of_fenced(runs: Sequence[Run]) -> str:
    refused, stale = sum(len(run.refusals) for run in runs), sum(len(run.stale) for run in runs)
    if stale:
        return f"With the fence {stale} stale {_writes(stale)} came through all the same: the fence has a hole."
    if not refused:
        return "With the fence no stale write was even tried this time: the pauses fell between two rounds. Try again."
    were = "was" if refused == 1 else "were"
    return (
        f"With the fence there were two leaders just as before, and {refused} {_writes(refused)} of the older one "
        f"{were} refused. Each term has a token, greater than the last one's; the storage keeps the newest that it "
        "has seen, and refuses an older one in the same transaction as the write. It does not prevent two leaders: it "
        "makes the second one harmless. The price is that the storage must take part."
    )


def _writes(count: int) -> str:
    return "write" if count == 1 else "writes"
