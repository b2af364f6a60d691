"""The lesson of two regions without any region: what is lost, what is said of it, and what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import typer.testing

from checks.unit.experiment.samples import request
from infra.cli import app
from infra.commands.regions import RULES, _plans
from infra.errors import LabError
from infra.experiment.experiment import Experiment
from infra.experiment.findings import explained, table
from infra.experiment.timeline import Outcome, Timeline
from infra.project import COMPOSE_FILE, Project
from infra.stage import read_stage
from labs.lab5_failover.region_experiments import _of_clocks, _of_rules, _one_timeline, clocks_apart, two_regions
from labs.lab5_failover.regions.clients import Reading
from labs.lab5_failover.regions.ledger import Write, lost
from labs.lab5_failover.regions.picture import picture
from labs.lab5_failover.regions.run import EAST, WEST, Plan, Run
from labs.lab5_failover.regions.words import meaning
from shortener.lab5_failover.regions import rules


def write(region: str, url: str, *saw: str, status: int | None = 200, step: int = 0, seconds: float = 0.01) -> Write:
    outcome: Outcome = "ok" if status == 200 else "unknown"
    return Write(region, "east-1", url, frozenset(saw), outcome, status, float(step), seconds, step=step)


def urls(found: Sequence[Write]) -> list[str]:
    return [one.url for one in found]


FIRST = write(EAST, "a")


def test_one_of_two_concurrent_updates_that_is_gone_is_lost() -> None:
    both = [FIRST, write(EAST, "b", "a"), write(WEST, "c", "a")]
    assert urls(lost(both, ["c"], [])) == ["b"]
    assert urls(lost(both, ["b", "c"], [])) == []


def test_what_was_replaced_by_who_had_seen_it_is_not_lost() -> None:
    assert urls(lost([FIRST, write(WEST, "b", "a"), write(EAST, "c", "b")], ["c"], [])) == []


def test_a_later_update_that_vanished_at_once_is_lost() -> None:
    assert urls(lost([FIRST, write(WEST, "b", "a")], ["a"], ["a"])) == ["b"]


def test_a_write_without_an_answer_replaced_something_only_if_somebody_met_it() -> None:
    writes = [FIRST, write(WEST, "b", "a", status=503)]
    assert urls(lost(writes, ["b"], [])) == []
    assert urls(lost([*writes, write(EAST, "c", "b")], ["c"], ["b"])) == []
    assert urls(lost(writes, [], [])) == ["a"]


def run(plan: Plan, writes: Sequence[Write], *shown: str, alike: bool = True) -> Run:
    """A run of one link, whose regions show these urls in the end."""
    east, west = Reading(frozenset(shown), "1"), Reading(frozenset(shown), "1" if alike else "2")
    agreed, gone = 0.1 if alike else None, lost(writes, shown, [])
    return Run(plan, tuple(writes), {EAST: {"l": east}, WEST: {"l": west}}, gone, agreed, len(shown) - 1, 0, 0, (), 9.0)


SHORT = {"links": 1, "together": 1, "in_turn": 1, "apart": 1}
MADE = (
    FIRST,
    *(write(EAST, "b", "a", step=1), write(WEST, "c", "a", step=1, seconds=0.25)),
    *(write(EAST, "d", "c", step=2), write(WEST, "e", "d", step=3, seconds=0.3)),
)
LAST = run(Plan(RULES[0], **SHORT), [*MADE, write(EAST, "f", "e", step=4), write(WEST, "g", "e", step=4)], "g")
KEPT = run(Plan(RULES[1], **SHORT), [*MADE[:2], *MADE[3:], write(EAST, "f", "b", step=4)], "c", "e", "f")
OWNED = run(Plan(RULES[2], **SHORT), [*MADE[2:], write(WEST, "g", "e", step=4, status=503)], "e")
BEHIND = run(Plan(RULES[0], -5.0, **SHORT), MADE, "d")
DIFFER = run(Plan(RULES[0], **SHORT), MADE, "e", alike=False)


def test_the_picture_shows_each_steps_losses() -> None:
    assert picture([LAST, OWNED]).plain.splitlines()[:9] == [
        "last-write-wins",
        "        made  together  in turn  cut  healed",
        "  east  o     1         o        1",
        "  west        o           o      o",
        "",
        "owner",
        "        made  together  in turn  cut  healed",
        "  east                  o",
        "  west        o           o      -",
    ]


def test_what_is_said_holds_for_the_figures() -> None:
    assert "2 of 7 acknowledged updates are gone" in meaning(LAST)
    assert "100 ms after the link was healed" in meaning(LAST)
    assert "still differ in 1 links" in meaning(DIFFER)
    assert "1 of them were not concurrent" in meaning(BEHIND)
    assert "5 s behind" in meaning(BEHIND)
    assert "2 links had several values" in meaning(KEPT)
    assert "25 times as long" in meaning(OWNED)
    assert "1 writes were answered 503" in meaning(OWNED)


@pytest.mark.parametrize(
    ("planned", "timelines"),
    [
        (
            two_regions(),
            [_one_timeline([LAST, KEPT, OWNED], _of_rules([one, KEPT, OWNED])) for one in (KEPT, LAST, DIFFER)],
        ),
        (clocks_apart(), [_one_timeline([LAST, one], _of_clocks([LAST, one])) for one in (LAST, BEHIND, DIFFER)]),
    ],
    ids=["two-regions", "clocks-apart"],
)
def test_each_answer_can_be_right_and_the_explanation_names_the_figures(
    planned: Experiment, timelines: list[Timeline]
) -> None:
    assert [planned.right(timeline) for timeline in timelines] == [0, 1, 2]
    for timeline in timelines:
        assert "{" not in explained(planned, timeline)
        assert not any("acknowledged" in label for label, _ in table(planned, timeline))


def test_a_timeline_goes_on_where_the_run_before_ended() -> None:
    timeline = _one_timeline([LAST, LAST], {})
    assert timeline.seconds == 18.0
    assert [one.start for one in timeline.requests] == sorted(one.start for one in timeline.requests)
    assert request(1.0).name not in {one.name for one in timeline.requests}


def test_the_commands_rules_are_the_services() -> None:
    assert rules.NAMES == RULES
    assert [(plan.rule, plan.skew) for plan in _plans(None, 0)] == [(name, 0) for name in RULES]
    assert [(plan.rule, plan.skew) for plan in _plans(RULES[0], -5)] == [(RULES[0], 0), (RULES[0], -5)]
    for rule, skew, said in (("newest", 0.0, "There is no rule newest"), (None, 90.0, "--skew 90 will not do")):
        with pytest.raises(LabError, match=said):
            _plans(rule, skew)
    assert "--skew" in typer.testing.CliRunner().invoke(app, ["regions", "--help"]).output


def test_the_stage_is_the_two_regions_alone() -> None:
    profiles = Project("two", 5, profiles=frozenset({"lab-5-regions"})).stage_profiles
    stage = read_stage(COMPOSE_FILE, profiles, {"WEST_CLOCK_SKEW": "-5", "REGION_RULE": "owner"})
    assert {box.name for box in stage.boxes} == {"postgres-east", "postgres-west", "region-east", "region-west"}
    assert [stage.box(f"region-{name}").environment["CLOCK_SKEW"] for name in (EAST, WEST)] == ["0", "-5"]
    assert ("region-east", "region-west", 8000) in stage.links()
    assert ("region-west", "region-east", 8000) in stage.links()
