"""What a soak must not show, in words; and the figures of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from infra.experiment.ledger import GONE
from infra.experiment.timeline import ClickAudit, Timeline

_GET = "GET /{id}"
# Seconds that a tenth of the redirects take longer than on a machine that is too busy; on a quiet one all take 3 ms,
# and the way to the broker 100 ms at most: as many times the one takes longer, so many times does the other.
_BUSY = 0.03
_QUIET, _ON_THE_WAY = 0.003, 0.1


def wrong(timeline: Timeline, events: Mapping[str, Sequence[object]]) -> list[str]:
    """A sentence for each promise that was broken; `events` are the links whose changes were not told."""
    audit = timeline.audit
    if audit is None or audit.clicks is None:
        return ["The service shows no clicks, so nothing is proved."]
    stale = [request for request in timeline.requests if _is_stale(request.name, request.status, request.error)]
    errors = [request for request in timeline.requests if (request.status or 0) >= 500 and request.status != 503]
    clicks = audit.clicks
    found = {
        f"{len(audit.lost)} acknowledged links are lost, such as {audit.lost[:3]}.": audit.lost,
        f"{len(audit.doubled)} links were made twice under one key, such as {audit.doubled[:3]}.": audit.doubled,
        f"{clicks.lost_beyond} clicks are lost that no kill of the app excuses{_where(clicks)}.": clicks.lost_beyond,
        f"{clicks.doubled} clicks are counted twice.": clicks.doubled,
        f"{len(stale)} redirects did not follow an acknowledged change at once, such as {stale[:1]}.": stale,
        f"{len(errors)} answers were an error of the service's own, such as {errors[:1]}.": errors,
        f"{len(events)} links have changes that were not told in order, such as {list(events.items())[:2]}.": events,
    }
    return [sentence for sentence, broken in found.items() if broken]


def undecided(timeline: Timeline, problems: Sequence[str]) -> bool:
    """Whether nothing but the 100 ms before a kill was missed, on a machine that was too busy to tell: its redirects
    took long, and so did the way of a click to the broker."""
    clicks = timeline.audit.clicks if timeline.audit else None
    if clicks is None or len(problems) != 1 or not clicks.lost_beyond or clicks.within is None:
        return False
    slow = timeline.percentile(0.9, _GET) or 0.0
    return slow > _BUSY and clicks.within <= _ON_THE_WAY * slow / _QUIET


def _where(clicks: ClickAudit) -> str:
    return (
        ""
        if clicks.within is None
        else f" (all lost ones may lie in the last {clicks.within * 1000:.0f} ms before one)"
    )


def _is_stale(name: str, status: int | None, error: str) -> bool:
    return (name == GONE and status == 302) or error == "another url in Location"


def in_figures(timeline: Timeline, changes: int) -> list[str]:
    """The lines to print at the end."""
    audit = timeline.audit
    assert audit is not None
    kills = Counter(span.kills for span in timeline.faults if span.kills)
    pauses = Counter(span.label.split()[0] for span in timeline.faults if span.label.endswith("paused"))
    lines = [
        f"faults     {_counted('kills', kills)}, {_counted('pauses', pauses)}{_others(timeline)}",
        f"requests   {timeline.count():,}: {timeline.count('ok'):,} answered, {timeline.count('failed'):,} failed,"
        f" {timeline.count('unknown'):,} unknown",
        f"links      {audit.acknowledged:,} acknowledged, {len(audit.lost)} lost, {len(audit.doubled)} made twice;"
        f" of {audit.unknown} unknown writes {audit.unknown_applied} were applied",
        f"           {changes:,} acknowledged changes looked for in the topic links",
    ]
    if audit.clicks is not None:
        clicks = audit.clicks
        lines += [
            f"clicks     {clicks.seen:,} redirects seen, {clicks.possible:,} more possible; {clicks.counted:,} counted",
            f"           {clicks.lost} lost, {clicks.lost_beyond} of them without excuse, {clicks.doubled} doubled",
            f"           {clicks.excused} were answered within the last 100 ms before a kill of the service",
            f"           final {clicks.settled:.1f} s after the stage was whole",
        ]
    return lines


def _others(timeline: Timeline) -> str:
    """What only lab 4's soak does; and what this runtime could not do, word for word."""
    kinds = {"cuts": " cut off from ", "slow links": " slowed to ", "deploys": "deploy ", "scalings": " copies"}
    kinds |= {"killed processes": " alone killed in ", "switchovers": "switchover", "lost leases": " past its lease"}
    counts = {kind: sum(sign in span.label for span in timeline.faults) for kind, sign in kinds.items()}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return "\n           ".join([f", {told}" if told else "", *timeline.figures])


def _counted(what: str, boxes: Counter[str]) -> str:
    each = ", ".join(f"{box} {times}" for box, times in boxes.most_common())
    return f"{sum(boxes.values())} {what} ({each})" if boxes else f"no {what}"
