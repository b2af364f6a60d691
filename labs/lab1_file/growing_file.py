"""Lab 1's last failure is slow: a write costs the whole file, so the service that did well becomes worse each day."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from itertools import pairwise

import orjson

from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.keepalive import Connection, in_parallel
from infra.experiment.timeline import Timeline, percentile
from infra.runtime.protocol import Runtime

_LENGTH = 1_900  # characters of an added url: the file grows fast, the number of links need not
_BATCHES = (400, 1_500, 4_000)  # links that are added at most, one batch after the other
_PATIENCE = 2.5  # seconds that a batch may take; a slow machine adds fewer links and still shows the slope
_POST, _GET = "POST /links", "GET /{id}"


def growing_file() -> Experiment:
    growth = Growth()
    return Experiment(
        name="growing-file",
        lab=1,
        title="the file grows",
        question="""The file grows from a few kilobytes to many megabytes. What becomes of the time that one redirect
            and one new link take?""",
        answers=(
            "Neither changes: one link is added, one link is read.",
            "New links become slower with the size of the file, redirects hardly do.",
            "Both become slower: the file has to be searched.",
            "Redirects become slower, new links do not: adding at the end is cheap.",
        ),
        right=_what_became_slower,
        load=Load(users=6, seconds=16.0, rate=60.0, write_share=0.4, links=100),
        schedule=tuple(
            At(2.0 + 4.0 * index, f"the file grows (up to {count:,} long links more)", growth.add(count))
            for index, count in enumerate(_BATCHES)
        ),
        own_stage=True,
        measure=medians,
        explanation="""A new link took {new_link_small_seconds} (median) while the file was small and
            {new_link_large_seconds} when it had {megabytes_added} MB more: {new_link_growth} times as long. A
            redirect took {redirect_small_seconds} and {redirect_large_seconds}. The service writes the whole file for
            each change, so a write costs time in proportion to everything that was ever written, while a redirect is
            a look-up in memory whose cost does not depend on how much there is; what it lost, it lost to writes that
            keep the machine busy. Twice the data, twice the time for a write: no machine is fast enough for long.
            Appending to a log would cure the write and make each start slower; a B-tree on disk touches a few pages
            for each link, whatever the size. That is a database.""",
    )


class Growth:
    """Makes the file longer through the service's own door, and knows by how much."""

    def __init__(self) -> None:
        self._added = 0

    def add(self, count: int) -> Callable[[Runtime], dict[str, float]]:
        def step(stage: Runtime) -> dict[str, float]:
            self._added += _post_long_links(stage, count)
            return {"links_added": self._added, "megabytes_added": self._added * _LENGTH / 1e6}

        return step


def _post_long_links(stage: Runtime, count: int) -> int:
    """How many of them were taken before time was up. Raises LabError when the service stops answering."""
    run, give_up = secrets.token_hex(4), time.monotonic() + _PATIENCE

    def post(connection: Connection, number: int) -> bool:
        if time.monotonic() > give_up:
            return False
        url = f"https://example.com/{run}/{number}?".ljust(_LENGTH, "x")
        return connection.ask("POST", "/links", orjson.dumps({"url": url})).status == 201

    try:
        return sum(in_parallel(stage.address("app"), range(count), post, connections=32))
    except OSError as error:
        raise LabError(f"The service stopped taking links ({error}). See `lab logs app`.") from error


def medians(timeline: Timeline) -> dict[str, float]:
    """Median seconds of a write and of a redirect in the first and in the last quiet time between the batches."""
    edges = [0.0]
    for span in timeline.faults:
        edges += [span.start, span.end or span.start]
    quiet = list(pairwise([*edges, timeline.seconds]))[::2]
    figures = {}
    for name, label in ((_POST, "new_link"), (_GET, "redirect")):
        for (start, end), size in ((quiet[0], "small"), (quiet[-1], "large")):
            seconds = [r.seconds for r in timeline.between(start, end, name) if r.outcome == "ok"]
            figures[f"{label}_{size}_seconds"] = percentile(seconds, 0.5) or 0.0
        small, large = (figures[f"{label}_{size}_seconds"] for size in ("small", "large"))
        figures[f"{label}_growth"] = large / max(1e-6, small)
    return figures


def _what_became_slower(timeline: Timeline) -> int:
    """Slower means at least twice as slow. A redirect's few milliseconds may wobble more while the writes keep
    the machine busy: it counts as slower when it takes at least half as many milliseconds more as a write does."""
    figures = timeline.figures
    write, redirect = (
        figures[f"{kind}_large_seconds"] - figures[f"{kind}_small_seconds"] for kind in ("new_link", "redirect")
    )
    slower = figures["new_link_growth"] >= 2, figures["redirect_growth"] >= 2 and redirect >= write / 2
    return {(False, False): 0, (True, False): 1, (True, True): 2, (False, True): 3}[slower]
