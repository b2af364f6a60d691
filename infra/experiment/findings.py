"""What a run's timeline says in figures: for the learner's eyes, for an explanation to refer to, and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from infra.experiment.experiment import Experiment
from infra.experiment.picture import duration
from infra.experiment.timeline import Timeline

NEVER = "not within this run"
_NAMED = 5  # links that are lost, by name; of more it is told how many
_CLICKS = ("seen", "possible", "counted", "lost", "excused", "lost_beyond", "doubled")


def summary(experiment: Experiment, timeline: Timeline) -> dict[str, object]:
    """The figures of a run, for programs. Times in seconds; None where there is nothing to tell."""
    window = timeline.failed_window()
    longest = timeline.longest()
    audit = timeline.audit
    return {
        "requests": timeline.count(),
        "answered": timeline.count("ok"),
        "failed": timeline.count("failed"),
        "unknown": timeline.count("unknown"),
        "p50": timeline.percentile(0.5),
        "p99": timeline.percentile(0.99),
        "longest": longest.seconds if longest else None,
        "over_5_s": timeline.over(5.0),
        "first_failure": window[0] if window else None,
        "out_of_service": window[1] - window[0] if window and window[1] is not None else None,
        "back": window is None or window[1] is not None,
        "recovery": _recovery(experiment, timeline),
        "acknowledged": audit.acknowledged if audit else None,
        "lost": len(audit.lost) if audit else None,
        "unknown_applied": audit.unknown_applied if audit else None,
        "doubled_links": len(audit.doubled) if audit else None,
        "clicks": asdict(audit.clicks) if audit and audit.clicks else None,
        "faults": [{"label": span.label, "start": span.start, "end": span.end} for span in timeline.faults],
        "figures": timeline.figures,
    }


def words(experiment: Experiment, timeline: Timeline) -> dict[str, str]:
    """The same, each as a reader would say it; an explanation names them in braces (see `explained`)."""
    facts = summary(experiment, timeline)
    counts = ("requests", "answered", "failed", "unknown", "over_5_s", "acknowledged", "lost")
    times = ("p50", "p99", "longest", "out_of_service", "recovery")
    said = {name: f"{facts[name] or 0:,}" for name in counts}
    for name in times:
        value = facts[name]
        said[name] = duration(value) if isinstance(value, float) else NEVER
    window = timeline.failed_window()
    if window is None or window[1] is None:
        said["out_of_service"] = "no time at all" if window is None else "the rest of the run"
    said["unknown_applied"] = (
        "no one can say how many" if facts["unknown_applied"] is None else f"{facts['unknown_applied']}"
    )
    said |= _clicks_said(timeline)
    said |= {name: _said(name, value) for name, value in timeline.figures.items()}
    return said


def explained(experiment: Experiment, timeline: Timeline) -> str:
    """The experiment's explanation with the run's own figures in it, on one line."""
    return " ".join(experiment.explanation.split()).format_map(words(experiment, timeline))


def table(experiment: Experiment, timeline: Timeline) -> list[tuple[str, str]]:
    """The lines to print below the picture: what it is, and the figure."""
    said = words(experiment, timeline)
    longest = timeline.longest()
    rows = []
    if timeline.requests:
        outcomes = ", ".join(f"{said[name]} {name}" for name in ("answered", "failed", "unknown"))
        rows.append(("requests", f"{said['requests']}: {outcomes}"))
    if timeline.audit is not None:
        rows.append(("acknowledged links", f"{said['acknowledged']}, of which lost: {said['lost']}"))
    if timeline.audit is not None and timeline.audit.lost:
        rows.append(("the lost ones", _named(timeline.audit.lost)))
    if timeline.count("unknown"):
        rows.append(("unknown writes", f"{said['unknown']}; there afterwards: {said['unknown_applied']}"))
    if timeline.audit is not None and timeline.audit.doubled:
        rows.append(("made twice", f"{len(timeline.audit.doubled)} links, each under one Idempotency-Key"))
    rows += _click_rows(timeline)
    window = timeline.failed_window()
    if window is not None:
        until = "" if window[1] is None else f" to {window[1]:.1f} s"
        rows.append(("out of service", f"{said['out_of_service']} (from {window[0]:.1f} s{until})"))
    if experiment.mended and timeline.fault(experiment.mended) is not None:
        rows.append(("recovery", f"{said['recovery']} after: {experiment.mended}"))
    if longest is not None:
        rows.append(("longest request", f"{said['longest']} ({longest.name}); over 5 s: {said['over_5_s']}"))
    return rows + [(_label(name), _said(name, value)) for name, value in timeline.figures.items()]


def _named(links: Sequence[tuple[str, str]]) -> str:
    named = ", ".join(f"{link_id} to {url}" for link_id, url in links[:_NAMED])
    return named + (f", and {len(links) - _NAMED:,} more" if len(links) > _NAMED else "")


def _clicks_said(timeline: Timeline) -> dict[str, str]:
    """The clicks in words, under `clicks_seen`, `clicks_lost` and so on; empty where nobody counts any."""
    clicks = timeline.audit.clicks if timeline.audit else None
    if clicks is None:
        return dict.fromkeys(
            (f"clicks_{name}" for name in (*_CLICKS, "settled", "reach", "within")), "no one can say how many"
        )
    said = {f"clicks_{name}": f"{getattr(clicks, name):,}" for name in _CLICKS}
    said["clicks_settled"] = duration(clicks.settled)
    said["clicks_reach"] = duration(clicks.reach or 0.0)
    said["clicks_within"] = "more than 5 s" if clicks.within is None else duration(clicks.within)
    return said


def _click_rows(timeline: Timeline) -> list[tuple[str, str]]:
    clicks = timeline.audit.clicks if timeline.audit else None
    if clicks is None:
        return []
    said = _clicks_said(timeline)
    perhaps = f" (and at most {said['clicks_possible']} whose answer never came)" if clicks.possible else ""
    lost = f"lost: {said['clicks_lost']}"
    if clicks.excused:
        lost += f" (the service's last 100 ms held at most {said['clicks_excused']}"
        lost += f", its last {said['clicks_within']} all of them)" if clicks.lost_beyond and clicks.within else ")"
    return [
        ("redirects seen", f"{said['clicks_seen']}{perhaps}"),
        ("clicks counted", f"{said['clicks_counted']}, {lost}, doubled: {said['clicks_doubled']}"),
        ("counts final", f"{said['clicks_settled']} after the stage was whole"),
    ]


def _recovery(experiment: Experiment, timeline: Timeline) -> float | None:
    """Seconds from the moment when the fault was being taken away to the first stable answer."""
    span = timeline.fault(experiment.mended) if experiment.mended else None
    return timeline.recovery(span.start) if span else None


def _label(name: str) -> str:
    return name.removesuffix("_seconds").replace("_", " ")


def _said(name: str, value: float) -> str:
    """A figure whose name ends in _seconds is a time; any other a count or a factor."""
    if name.endswith("_seconds"):
        return duration(value)
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.1f}"
