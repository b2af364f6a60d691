"""An experiment is load + fault schedule -> timeline: every request and every fault on one clock, and afterwards the
audit of what was acknowledged. `lab break` shows it, a check asserts on it, a report draws it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra.copies import copies
from infra.errors import LabError
from infra.experiment.clicks import count_clicks, redirects
from infra.experiment.gauges import Gauge, Readings, read_meanwhile
from infra.experiment.healing import healed_afterwards
from infra.experiment.lag import has_kafka, lag_of
from infra.experiment.ledger import Ledger, audit
from infra.experiment.load.event_log import FOLDER_PREFIX
from infra.experiment.load.first_links import make_links
from infra.experiment.load.live_log import Live, Tick, live_log
from infra.experiment.load.plan import Load, headless, locust_arguments
from infra.experiment.load.process import STOP_TIMEOUT, LoadProcess, hand_over, load_process, until_began
from infra.experiment.schedule import At, play
from infra.experiment.timeline import Audit, ClickAudit, FaultSpan, Outcome, Request, Series, Timeline
from infra.runtime.drains import is_balancer
from infra.runtime.protocol import Progress, Runtime

__all__ = [
    "At",
    "Audit",
    "ClickAudit",
    "Experiment",
    "FaultSpan",
    "Gauge",
    "Live",
    "Load",
    "Outcome",
    "Request",
    "Series",
    "Tick",
    "Timeline",
    "run",
]

_MARGIN = 20.0  # seconds beyond its own end that a load on a busy machine may take to wind up


@dataclass(frozen=True)
class Experiment:
    """One failure of a lab, as data: what the learner is asked, what is done, what explains it.

    `answers` are the possible predictions; `right` is the index of the one that the run's figures bear out (it is
    judged from the timeline, so that a run that went otherwise says so). `explanation` may name the run's figures in
    braces (findings.py). `prepare` is done before the load starts, `undo` after the run however it ended, besides
    `runtime.heal()`; `measure` adds figures of the experiment's own. `gauges` are read while the load runs.
    `own_load` stands for what locust cannot bring: it plays load and faults by itself, and `load` only names them."""

    name: str
    lab: int
    question: str
    answers: tuple[str, ...]
    right: Callable[[Timeline], int]
    load: Load
    schedule: tuple[At, ...]
    explanation: str
    profiles: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()  # what must be there, such as "postgres"
    title: str = ""
    mended: str = ""  # the label of the entry that takes the fault away; recovery is counted from there
    own_stage: bool = False  # it needs data or boxes of its own: a stage beside the learner's, gone afterwards
    variables: Mapping[str, str] = field(default_factory=dict)  # of such a stage, for the compose file
    gauges: tuple[Gauge, ...] = ()
    prepare: Callable[[Runtime], None] | None = None
    undo: Callable[[Runtime], None] | None = None
    measure: Callable[[Timeline], Mapping[str, float]] | None = None
    own_load: Callable[[Runtime, Progress], Timeline] | None = None


def run(experiment: Experiment, runtime: Runtime, progress: Progress, live: Live = lambda tick: None) -> Timeline:
    """Put the load on the stage, play the schedule, heal, and read every acknowledged link back.

    Whatever happens, the load is gone and the stage is healed afterwards. Raises LabError when the load could not run
    or not one request was answered: an experiment without traffic proves nothing."""
    if experiment.own_load is not None:
        with healed_afterwards(runtime, experiment.undo, progress):
            return experiment.own_load(runtime, progress)
    load = experiment.load
    with healed_afterwards(runtime, experiment.undo, progress):
        if experiment.prepare is not None:
            experiment.prepare(runtime)
        links, requests, spans, figures, series = _load_and_faults(experiment, runtime, progress, live)
        progress("the load has ended; mending what is broken")
    _insist_on_traffic(requests)
    result = _audited(experiment, runtime, links, requests, spans, progress)
    ends = [load.seconds, *(span.end or span.start for span in spans), *(request.end for request in requests)]
    timeline = Timeline(tuple(requests), tuple(spans), max(ends), result, figures, series)
    if experiment.measure is None:
        return timeline
    return replace(timeline, figures={**figures, **experiment.measure(timeline)})


def _audited(
    experiment: Experiment,
    runtime: Runtime,
    links: Sequence[tuple[str, str]],
    requests: Sequence[Request],
    spans: Sequence[FaultSpan],
    progress: Progress,
) -> Audit:
    """The clicks first, for reading a link back is one more."""
    address = runtime.address(experiment.load.targets[0])
    clicks = None
    if experiment.lab >= 3:
        progress("waiting until every click is counted")
        clicks = _counted(experiment, runtime, requests, spans)
    ledger = Ledger(acknowledged=list(links))
    ledger.enter(requests)
    progress(f"reading {len(ledger.acknowledged)} acknowledged links back")
    return replace(audit(ledger, address, search=experiment.lab >= 2), clicks=clicks)


def _counted(
    experiment: Experiment, runtime: Runtime, requests: Sequence[Request], spans: Sequence[FaultSpan]
) -> ClickAudit | None:
    targets = experiment.load.targets
    front = next((box.name for box in runtime.stage.boxes if is_balancer(box) and box.name in targets), "")
    boxes = [box.name for box in copies(runtime.stage)] if front else targets
    found, address = redirects(requests, spans, boxes, front), runtime.address(targets[0])
    if not has_kafka(runtime):
        return count_clicks(found, address)
    with lag_of(runtime, "worker", "clicks") as lag:
        return count_clicks(found, address, lag)


_Run = tuple[list[tuple[str, str]], list[Request], list[FaultSpan], dict[str, float], tuple[Series, ...]]


def _load_and_faults(experiment: Experiment, runtime: Runtime, progress: Progress, live: Live) -> _Run:
    """The links that were made first, every request, every fault as it happened, what the faults measured, and what
    the gauges showed."""
    load = experiment.load
    bases = ["http://{}:{}".format(*runtime.address(target)) for target in load.targets]
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as name:
        folder = Path(name)
        events, handed = folder / "events.jsonl", folder / "links.json"
        arguments = [*locust_arguments(load, experiment.lab, bases), *headless(load)]
        arguments += ["--event-log", str(events), "--links-file", str(handed)]
        with (
            load_process(arguments, folder / "locust.txt") as process,
            live_log(events, live) as log,
            read_meanwhile(experiment.gauges, runtime) as readings,
        ):
            links = make_links(runtime.address(load.targets[0]), load.links)
            progress(f"{load.links} links made, for the visitors to follow")
            hand_over(links, handed)
            began = until_began(process, log.began)
            progress(f"load: {load}")
            spans, figures = _faults_on_time(experiment, runtime, began, process, progress)
            return links, log.finish(), spans, figures, _series(readings, began, experiment, spans)


def _series(readings: Readings, began: float, experiment: Experiment, spans: Sequence[FaultSpan]) -> tuple[Series, ...]:
    return readings.series(began, max([experiment.load.seconds, *(span.end or span.start for span in spans)]))


def _faults_on_time(
    experiment: Experiment, runtime: Runtime, began: float, process: LoadProcess, progress: Progress
) -> tuple[list[FaultSpan], dict[str, float]]:
    seconds = experiment.load.seconds

    def still_loading() -> None:
        if not process.running and time.monotonic() < began + seconds:
            raise process.error()

    def announce(span: FaultSpan) -> None:
        progress(f"{span.start:.1f} s: {span.label}")

    def played(entries: Sequence[At], meanwhile: Callable[[], None]) -> tuple[list[FaultSpan], dict[str, float]]:
        return play(entries, runtime, began, meanwhile=meanwhile, announce=announce)

    spans, figures = played([entry for entry in experiment.schedule if entry.seconds <= seconds], still_loading)
    process.wait(max(0.0, began + seconds - time.monotonic()) + STOP_TIMEOUT + _MARGIN)
    later, more = played([entry for entry in experiment.schedule if entry.seconds > seconds], lambda: None)
    return [*spans, *later], {**figures, **more}


def _insist_on_traffic(requests: Sequence[Request]) -> None:
    if not any(request.outcome == "ok" for request in requests):
        raise LabError(
            f"Of {len(requests)} requests not one was answered well, so this run proves nothing. "
            "See `lab status` and `lab logs app`, then try again."
        )
