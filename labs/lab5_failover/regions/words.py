"""What the runs of `lab regions` say, in words that hold for the figures that came out. Lab 5."""

from __future__ import annotations

from infra.experiment.picture import duration
from labs.lab5_failover.regions.run import EAST, WEST, Run


def meaning(run: Run) -> str:
    if run.plan.rule == "last-write-wins":
        return _of_clocks(run) if run.plan.skew else _of_last_write(run)
    return _of_vectors(run) if run.plan.rule == "version-vector" else _of_owner(run)


def _agreed(run: Run) -> str:
    if run.agreed is None:
        return f"The regions still differ in {len(run.differing())} links: nothing brings them together any more."
    return f"Both regions showed the same {duration(run.agreed)} after the link was healed."


def _of_last_write(run: Run) -> str:
    return (
        f"Last write wins: {len(run.lost)} of {run.acknowledged} acknowledged updates are gone, and nobody was told: "
        "each had its 200. Where both changed a link at once, one of the two is thrown away, by a timestamp. "
        f"{_agreed(run)} That is what it promises, that all end up alike, and it promises nothing else. It asks "
        f"nobody, so a write took {_median(run, EAST)} in the east and {_median(run, WEST)} in the west."
    )


def _of_clocks(run: Run) -> str:
    skew = run.plan.skew
    slow, fast = (EAST, WEST) if skew > 0 else (WEST, EAST)
    late = [write for write in run.later(slow) if write in run.lost]
    return (
        f"West's clock {abs(skew):g} s {'ahead' if skew > 0 else 'behind'}: {len(run.lost)} of {run.acknowledged} "
        f"acknowledged updates are gone. {len(late)} of them were not concurrent with anything: a client in the "
        f"{slow} read what the {fast} had written, changed it, got a 200, and its change was older than what it had "
        f"read, by the clocks. For {abs(skew):g} s, what the {fast} wrote cannot be changed in the {slow}."
    )


def _of_vectors(run: Run) -> str:
    after = "no sibling was left" if run.left == 0 else f"{run.left} links still had some"
    return (
        f"Version vector: {len(run.lost)} of {run.acknowledged} acknowledged updates are gone. {run.conflicts} links "
        "had several values in the end, kept side by side: siblings. After a client that had read them wrote one url "
        f"in their place, {after}. {_agreed(run)} Nobody waits for the other region (p50 {_median(run, EAST)} and "
        f"{_median(run, WEST)}). The price is the client's: it must be able to make one value of several."
    )


def _of_owner(run: Run) -> str:
    near, far = run.latency(EAST, 0.5), run.latency(WEST, 0.5)
    times = f", {far / near:.0f} times as long" if near and far else ""
    return (
        f"Owner region: {len(run.lost)} of {run.acknowledged} acknowledged updates are gone. East owns these links, so "
        f"a write took {_median(run, EAST)} there and {_median(run, WEST)} in the west{times}: the round trip of "
        f"{duration(2 * run.plan.delay)} is in each. {run.refused} times a client was told that the link had changed "
        f"since it read it, and read again. While the link was cut the west could not write: {run.not_taken} writes "
        "were answered 503. It gave up being there, and lost nothing: the other two rules chose otherwise."
    )


def _median(run: Run, region: str) -> str:
    median = run.latency(region, 0.5)
    return "no time that anybody could measure" if median is None else duration(median)
