"""Lab 5: two regions change the same links, and one of them has a clock that is behind."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from infra.experiment.experiment import Experiment, Load
from infra.experiment.timeline import Request, Timeline
from infra.runtime.protocol import Progress, Runtime
from labs.lab5_failover.regions.run import BOXES, EAST, WEST, Plan, Run, play

_RULES = ("last-write-wins", "version-vector", "owner")
_SKEW = -5.0  # seconds that west's clock is behind
_LOAD = Load(users=12, seconds=20.0, links=6, write_share=0.5, targets=BOXES)  # in words; the lesson's clients bring it
_PROFILES = frozenset({"lab-5-regions"})

Measure = Callable[[Sequence[Run]], dict[str, float]]


def experiments_of_regions() -> tuple[Experiment, ...]:
    return two_regions(), clocks_apart()


def two_regions() -> Experiment:
    return Experiment(
        name="two-regions",
        lab=5,
        title="two regions, 100 ms apart, that both take writes",
        question="""East and west each have a database of their own and send each other what they write, 100 ms away.
            A client in the east and one in the west read the same link, and both change it. The rule is last write
            wins, and each gets its 200. What becomes of the two changes?""",
        answers=(
            "Both are there: the regions exchange them, so nothing that was acknowledged is lost.",
            "One of them is gone, in both regions, and nobody is told.",
            "Each region keeps its own, so that they differ for good.",
        ),
        right=_what_becomes_of_two,
        load=_LOAD,
        schedule=(),
        own_load=_played([Plan(rule) for rule in _RULES], _of_rules),
        own_stage=True,
        profiles=_PROFILES,
        needs=("postgres",),
        explanation="""Under last write wins {lost_by_last_write} acknowledged updates were gone in the end: of two that
            were made at once the one with the later timestamp stands. All ends up alike, and that is all it promises.
            A version vector tells that neither had seen the other, and keeps both: {lost_by_vector} were lost, and
            {kept_by_vector} links had siblings in the end, which a client must make one of. With an owner
            {lost_by_owner} were lost, as one region decides and refuses who has not read what stands. It costs the
            way there and back: {far_seconds} in the west, where the east needed {near_seconds}. And while the link
            between them was cut, {refused_by_owner} writes in the west were refused, and none under the other two
            rules: that is the choice that a partition leaves, to answer or to agree.""",
    )


def clocks_apart() -> Experiment:
    return Experiment(
        name="clocks-apart",
        lab=5,
        title="two regions under last write wins, and west's clock is 5 s behind",
        question="""West's clock is 5 s behind. A client in the west reads what the east has written a moment ago,
            changes it, and gets its 200. Nobody else writes. The rule is last write wins. What do the regions show?""",
        answers=(
            "West's change: it was written last.",
            "East's: west's change is gone, although it came later and its client had read what it replaced.",
            "West's in the west and east's in the east.",
        ),
        right=_what_both_show,
        load=_LOAD,
        schedule=(),
        own_load=_played([Plan(_RULES[0]), Plan(_RULES[0], _SKEW)], _of_clocks),
        own_stage=True,
        profiles=_PROFILES,
        needs=("postgres",),
        explanation="""Of {later_writes} changes that west's clients made to what they had read of the east's,
            {later_lost} are gone. With right clocks it was {later_lost_with_right_clocks}. Each was acknowledged, and
            had lost before it was stored: its timestamp was older than that of what it replaced. Over the whole
            schedule {lost_with_right_clocks} updates were lost with right clocks and {lost_with_that_clock} with this
            one. "Last" is what the clocks say, not what happened, so the rule is as good as the worst clock of all the
            machines that write. A version vector counts writes and looks at no clock at all.""",
    )


def _played(plans: Sequence[Plan], measure: Measure) -> Callable[[Runtime, Progress], Timeline]:
    """All the plans, one after the other, on one timeline."""

    def own_load(stage: Runtime, progress: Progress) -> Timeline:
        word = secrets.token_hex(3)
        runs = [play(stage, plan, f"{word}-{number}", progress) for number, plan in enumerate(plans, 1)]
        return _one_timeline(runs, measure(runs))

    return own_load


def _one_timeline(runs: Sequence[Run], figures: dict[str, float]) -> Timeline:
    requests, faults, began = [], [], 0.0
    for run in runs:
        requests += [
            Request(began + one.start, one.seconds, f"PUT {one.region}", one.outcome, one.status, one.url, one.link)
            for one in run.writes
        ]
        for span in run.faults:
            label, end = f"{run.plan.rule}: {span.label}", span.end
            faults.append(replace(span, label=label, start=began + span.start, end=end and began + end))
        began += run.seconds
    return Timeline(tuple(sorted(requests, key=lambda one: one.start)), tuple(faults), began, None, figures)


def _of_rules(runs: Sequence[Run]) -> dict[str, float]:
    last_write, vector, owner = runs
    return {
        "lost_by_last_write": float(len(last_write.lost)),
        "lost_by_vector": float(len(vector.lost)),
        "kept_by_vector": float(vector.conflicts),
        "lost_by_owner": float(len(owner.lost)),
        "refused_by_owner": float(owner.not_taken),
        "near_seconds": owner.latency(EAST, 0.5) or 0.0,
        "far_seconds": owner.latency(WEST, 0.5) or 0.0,
        "differing": float(len(last_write.differing())),
    }


def _of_clocks(runs: Sequence[Run]) -> dict[str, float]:
    right, behind = runs
    return {
        "lost_with_right_clocks": float(len(right.lost)),
        "lost_with_that_clock": float(len(behind.lost)),
        "later_writes": float(len(behind.later(WEST))),
        "later_lost": float(sum(one in behind.lost for one in behind.later(WEST))),
        "later_lost_with_right_clocks": float(sum(one in right.lost for one in right.later(WEST))),
        "differing": float(len(behind.differing())),
    }


def _what_becomes_of_two(timeline: Timeline) -> int:
    if timeline.figures["differing"]:
        return 2
    return 1 if timeline.figures["lost_by_last_write"] else 0


def _what_both_show(timeline: Timeline) -> int:
    if timeline.figures["differing"]:
        return 2
    return 1 if timeline.figures["later_lost"] else 0
