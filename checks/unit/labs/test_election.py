"""`lab elect` and its experiments: who led when, what was stale, the picture, and the words that fit the figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.commands.elect import _chosen
from infra.errors import LabError
from infra.experiment.findings import explained, table
from infra.project import COMPOSE_FILE, Project
from infra.stage import read_stage
from labs.lab5_failover.election.events import Event, Term, most_at_once, read_events, terms
from labs.lab5_failover.election.lesson import NODES, PROFILE, WAYS, Pause, Run, Way
from labs.lab5_failover.election.picture import legend, picture
from labs.lab5_failover.election.storage import judged, longest_gap
from labs.lab5_failover.election.words import figures, meaning
from labs.lab5_failover.elections import as_timeline, etcd_lease, fencing_token, two_leaders

LOG = """\
a library says something
{"at": 100.5, "node": "sweeper-1", "event": "leads", "token": 4, "why": ""}
sweeper-1  | {"at": 101.0, "node": "sweeper-1", "event": "swept", "token": 4, "links": 2}
{"at": 104.0, "node": "sweeper-1", "event": "follows", "token": 4, "why": "its lease is no longer its own"}
{"at": 105.0, "node": "sweeper-1", "event":
{"level": "info"}
"""

LED = [Term("sweeper-1", 4, 100.0, 104.0), Term("sweeper-2", 5, 103.0, 110.0)]
ROWS = [("sweeper-1", 4, 100.5), ("sweeper-2", 5, 103.5), ("sweeper-1", 4, 103.9), ("sweeper-2", 5, 104.5)]
UNFENCED = Run(
    Way("redis", fenced=False), 100.0, 110.0, LED, judged(ROWS), [], [Pause("sweeper-1", 101.0, 103.8)], 10, 10
)
FENCED = replace(
    UNFENCED,
    way=Way("redis", fenced=True),
    rounds=judged([row for row in ROWS if row != ROWS[2]]),
    refusals=[Event(103.9, "sweeper-1", "refused", 4)],
    renewed_and_gone=0,
)


def test_what_a_node_says_is_found_among_all_else() -> None:
    events = read_events(LOG)
    assert [(event.what, event.at) for event in events] == [("leads", 100.5), ("swept", 101.0), ("follows", 104.0)]
    assert terms(events, 90.0, 200.0) == [Term("sweeper-1", 4, 100.5, 104.0)]


def test_terms_are_those_of_the_time_that_is_looked_at() -> None:
    said = [("a", "leads", 1.0), ("a", "follows", 3.0), ("b", "leads", 2.5), ("a", "leads", 7.0), ("c", "follows", 8.0)]
    events = [Event(at, node, what, 1) for node, what, at in said]
    assert terms(events, 2.0, 9.0) == [Term("a", 1, 2.0, 3.0), Term("b", 1, 2.5, 9.0), Term("a", 1, 7.0, 9.0)]
    assert terms(events, 3.5, 6.0) == [Term("b", 1, 3.5, 6.0)]
    assert [most_at_once(terms(events, *time)) for time in ((2.0, 9.0), (3.5, 6.0), (0.0, 0.5))] == [2, 1, 0]


def test_a_round_is_stale_when_the_storage_had_seen_a_newer_token() -> None:
    assert [one.stale for one in UNFENCED.rounds] == [False, False, True, False]
    assert longest_gap(UNFENCED.rounds) == pytest.approx(3.0)  # the stale one is nobody's work
    assert longest_gap([]) == 0


def test_the_picture_says_it_without_colour() -> None:
    drawn = picture(UNFENCED, 80)
    rows = dict(line.split(maxsplit=1) for line in drawn.plain.splitlines()[1:5])
    assert rows["sweeper-1"] == "█" * 5 + "░" * 14 + "!█" + "·" * 29
    assert rows["sweeper-2"] == "·" * 15 + "█" * 35
    assert rows["sweeper-3"] == "·" * 50
    assert rows["leaders"] == "1" * 15 + "2" * 5 + "1" * 30
    assert "x" in picture(FENCED, 80).plain.splitlines()[1]
    assert max(map(len, drawn.plain.splitlines())) <= 80
    assert (picture(UNFENCED, 80, ascii_only=True).plain + legend(ascii_only=True).plain).isascii()


def test_the_words_fit_the_figures() -> None:
    assert dict(figures(UNFENCED))["stale writes accepted"] == "1"
    assert dict(figures(FENCED))["stale writes refused"] == "1"
    said = " ".join(meaning([UNFENCED, FENCED]))
    assert "the storage took 1 write of a leader of the past, and with them 10 links" in said
    assert "1 write of the older one was refused" in said
    assert "Redis and etcd differ" not in said
    assert "Redis and etcd differ" in " ".join(meaning([UNFENCED, replace(FENCED, way=Way("etcd", fenced=True))]))
    calm = replace(UNFENCED, terms=LED[:1], rounds=judged(ROWS[:1]))
    assert [sentence.partition(":")[0] for sentence in meaning([calm])] == [
        "This time nobody believed that it led while another one did",
        "Without a fence no stale write came through this time",
    ]
    assert "no stale write was even tried" in " ".join(meaning([replace(FENCED, refusals=[])]))
    assert "the fence has a hole" in " ".join(meaning([replace(UNFENCED, way=Way("redis", fenced=True))]))


def test_the_nodes_stand_without_the_rest_of_their_lab() -> None:
    project = Project("one", lab=5, profiles=frozenset({PROFILE}))
    stage = read_stage(COMPOSE_FILE, project.stage_profiles, {})
    servers = {"postgres", "redis", "etcd", "migrate-election"}
    assert {box.name for box in stage.boxes} == {*NODES, *servers}
    assert {target for source, target, _ in stage.links() if source == NODES[0]} == {"postgres", "redis", "etcd"}
    assert (project.alone, Project("one", lab=5).alone) == (True, False)


def test_what_can_be_asked_for() -> None:
    assert _chosen(None, False) == list(WAYS)
    assert _chosen(None, True) == [Way("redis", fenced=True), Way("etcd", fenced=True)]
    assert _chosen("etcd", False) == [Way("etcd", fenced=False)]
    with pytest.raises(LabError, match=r"zookeeper keeps no lease here. Say redis or etcd, or nothing for both\."):
        _chosen("zookeeper", False)


def test_an_experiment_is_judged_by_what_the_storage_took() -> None:
    unfenced, fenced = as_timeline(UNFENCED), as_timeline(FENCED)
    assert [each.right(unfenced) for each in (two_leaders(), etcd_lease(), fencing_token())] == [1, 1, 2]
    assert [each.right(fenced) for each in (two_leaders(), etcd_lease(), fencing_token())] == [2, 0, 1]
    assert fencing_token().right(as_timeline(replace(FENCED, terms=LED[:1]))) == 0
    assert max(unfenced.gauge("leaders").between(0.0)) == 2
    assert [(span.start, round(span.end or 0.0, 6)) for span in unfenced.faults] == [(1.0, 3.8)]
    assert table(two_leaders(), unfenced)[0] == ("leaders at once", "2")
    for each in (two_leaders(), fencing_token(), etcd_lease()):
        assert each.question.rstrip().endswith("?")
        assert "{" not in explained(each, unfenced)
