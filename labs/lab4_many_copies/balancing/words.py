"""What the runs of `lab balance` say, in words that hold for the figures that came out. Lab 4."""

from __future__ import annotations

from collections.abc import Sequence

from infra.experiment.picture import duration
from labs.lab4_many_copies.balancing.compare import Run, Uneven


def meaning(runs: Sequence[Run], copies: Sequence[str], uneven: Uneven) -> list[str]:
    """`runs` in the order of compare.ALGORITHMS."""
    turns, least, hashed = runs
    return [
        _of_turns(turns, copies, uneven.slow),
        _of_least(turns, least, uneven.slow),
        _of_hash(hashed, copies, uneven.slow),
        "Where a consistent hash pays: when a copy keeps something of its own. With a cache in each copy, round-robin "
        "makes every copy fetch every link, while a hash gives each link one cache, and a copy that leaves takes only "
        "its own links out of it (`lab ring` shows both). The kit's copies keep nothing: here it costs, and pays for "
        "nothing. Take least connections where requests differ in length or copies in speed, round-robin where "
        "neither does: it is the easiest to understand at three in the morning.",
    ]


def _of_turns(run: Run, copies: Sequence[str], slow: str) -> str:
    return (
        f"Round-robin gives each copy its turn, whatever it makes of it: {slow} got {run.share(slow):.0%}, and so one "
        f"redirect in {len(copies)} was slow. The median ({duration(run.percentile(0.5))}) does not see that, and the "
        f"p90 ({duration(run.percentile(0.9))}) does: look at more than one percentile."
    )


def _of_least(turns: Run, run: Run, slow: str) -> str:
    share = run.share(slow)
    if share >= 0.8 * turns.share(slow):
        said = f"this time gave {slow} {share:.0%}, hardly less than its turn: so little was in flight that most tied"
    else:
        said = f"gave {slow} {share:.0%}: a request that waits there counts against it, and the next one goes elsewhere"
    p90, p99 = (duration(run.percentile(share)) for share in (0.9, 0.99))
    return (
        f"Least connections {said}. p90 {p90}, p99 {p99}: it does not know that a copy is slow, only that it is "
        "occupied, so now and then someone is still sent there. The more is in flight, the better it knows."
    )


def _of_hash(run: Run, copies: Sequence[str], slow: str) -> str:
    fullest = max(copies, key=run.share)
    got = f"{slow} got {run.share(slow):.0%}"
    got += ", the most" if fullest == slow else f" and {fullest} the most, {run.share(fullest):.0%}"
    return (
        f"The consistent hash sends a link to the same copy each time (a link met {run.copies_a_link_met:.1f} copies). "
        f"{got}: as many as its links are wanted, not a fair share. Whoever follows a link of {slow} waits each time, "
        "and all others never do. A slow copy is not relieved, and a link that everybody wants stays where it is, "
        "however hot it gets."
    )
