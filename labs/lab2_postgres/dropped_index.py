"""Lab 2's quiet failure: an index is dropped under traffic. Nothing fails, and everything becomes slower."""

from __future__ import annotations

from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab2_postgres.sessions import DroppedIndex

LINKS = 200_000
_SEARCH, _GET = "GET /links?url=", "GET /{id}"
_DROPPED, _AGAIN = "the index on url is dropped", "the index is made again"


def index_dropped() -> Experiment:
    index = DroppedIndex()
    return Experiment(
        name="index",
        lab=2,
        title="the index dropped under traffic",
        question=f"""The table has {LINKS:,} links. Some people search for the links to a url, others follow links by
            their id. Somebody drops the index on url. Who notices?""",
        answers=(
            "Nobody: the table fits into memory.",
            "Those who search: each search reads the whole table. Redirects use another index.",
            "Everybody at once: the service fails until the index is back.",
        ),
        right=_who_notices,
        load=Load(users=8, seconds=12.0, rate=60.0, write_share=0.1, search_share=0.2, links=100),
        schedule=(At(3.0, _DROPPED, index.drop), At(8.0, _AGAIN, index.restore)),
        needs=("postgres",),
        own_stage=True,
        prepare=_fill,
        undo=index.restore,
        measure=_medians,
        explanation="""With the index a search took {search_before_seconds} (median), without it
            {search_without_seconds}, {search_growth} times as long, and with it again {search_after_seconds}. A
            redirect took {redirect_before_seconds} and {redirect_without_seconds}: it is found by the primary key, an
            index of its own. Without the index Postgres reads each row of the table and throws all but one away, so
            the cost of a search grows with the table and not with its answer: ten times the links, ten times the
            time. And the scans take the processor that all share, which is how one slow query in the end becomes
            everybody's problem. No error is ever reported: only the latency tells, so measure it. Making the index
            again took its time, but CREATE INDEX CONCURRENTLY let the writes go on meanwhile. `lab explain` shows
            both plans in words.""",
    )


def _fill(stage: Runtime) -> None:
    if stage.run("seed", [str(LINKS)]) != 0:
        raise LabError(f"The table could not be filled with {LINKS:,} links. Try `lab seed {LINKS}` to see why.")


def _medians(timeline: Timeline) -> dict[str, float]:
    """Median seconds with the index, without it, and with it again."""
    dropped, again = timeline.fault(_DROPPED), timeline.fault(_AGAIN)
    if dropped is None or again is None:
        raise LabError(
            "The index was not dropped and made again as planned, so there is nothing to compare. Try again."
        )
    done = dropped.end or dropped.start
    back = again.end or again.start
    spans = {"before": (0.0, dropped.start), "without": (done, again.start), "after": (back, timeline.seconds)}
    figures = {}
    for label, name in (("search", _SEARCH), ("redirect", _GET)):
        for when, (start, end) in spans.items():
            figures[f"{label}_{when}_seconds"] = timeline.percentile(0.5, name, start, end) or 0.0
        figures[f"{label}_growth"] = figures[f"{label}_without_seconds"] / max(1e-6, figures[f"{label}_before_seconds"])
    return figures


def _who_notices(timeline: Timeline) -> int:
    """Twice as slow is what a search must be to count as slower; a redirect may wobble more, its time is so short."""
    if timeline.count("failed") + timeline.count("unknown") > 0.05 * timeline.count():
        return 2
    return 1 if timeline.figures["search_growth"] >= 2 else 0
