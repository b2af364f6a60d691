"""How many copies stand: what rests, and what is said and remembered of it. A deploy that stops where one fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from infra import rolling, state
from infra.commands import copies as command
from infra.commands.copies import Seen
from infra.compose.box import Box
from infra.copies import copies, with_copies
from infra.errors import LabError
from infra.project import COMPOSE_FILE, Project
from infra.runtime.local.boxes import LocalBoxes
from infra.runtime.protocol import BoxStatus, Progress, Runtime
from infra.stage import Stage, read_stage


def described(lab: int) -> Stage:
    return read_stage(COMPOSE_FILE, Project("one", lab).stage_profiles, {})


def names(boxes: list[Box] | tuple[Box, ...]) -> list[str]:
    return [box.name for box in boxes]


def test_three_copies_stand_and_three_rest_until_another_number_is_wanted() -> None:
    stage = described(4)
    assert names(copies(stage)) == [f"app-{number}" for number in range(1, 7)]
    for wanted, standing in ((None, 3), (1, 1), (6, 6)):
        one = with_copies(stage, wanted)
        assert names([box for box in one.boxes if box in copies(one)]) == names(copies(stage))[:standing]
        assert names(one.resting) == names(copies(stage))[standing:]
        assert set(one.box("balancer").depends_on) == set(names(copies(stage))[: min(standing, 3)])
    assert with_copies(described(3), None) == described(3)
    assert with_copies(described(3), 2).resting == ()


def test_who_rests_is_told_and_has_no_link_and_yet_an_address(lab_home: Path) -> None:
    stage = with_copies(described(4), None)
    with pytest.raises(LabError, match=r"app-5 rests: .* `lab scale app 5`"):
        stage.box("app-5")
    assert ("balancer", "app-3", 8000) in stage.links()
    assert ("balancer", "app-4", 8000) not in stage.links()
    boxes = LocalBoxes(Project("one", 4), stage)
    reached = {(link.source, link.target) for link in boxes.links()}
    assert {("balancer", "app-6"), ("app-6", "postgres"), ("app-6", "kafka")} <= reached
    found = boxes.plan(stage.box("balancer")).environment
    assert all(found[f"COPY_{number}"].startswith("127.0.0.1:") for number in range(1, 7))


def test_the_number_is_remembered(lab_home: Path) -> None:
    project = Project("one", 4, copies=5, variables={"VERSION": "2"})
    state.save(project, "local")
    assert state.load("one") == (project, "local")


@dataclass
class FakeStage:
    """A stage that only remembers what was done to it. `broken` does not become ready again."""

    stage: Stage = field(default_factory=lambda: with_copies(described(4), None))
    ailing: tuple[str, ...] = ()
    broken: str = ""
    interrupted: str = ""
    done: list[str] = field(default_factory=list)

    def status(self) -> list[BoxStatus]:
        return [BoxStatus(box.name, "running", box.name not in self.ailing, None, None) for box in self.stage.boxes]

    def drain(self, copy: str) -> None:
        self.done.append(f"drain {copy}")
        if copy == self.interrupted:
            raise KeyboardInterrupt

    def renew(self, box: str) -> None:
        self.done.append(f"renew {box}")
        if box == self.broken:
            self.ailing = (box,)
            raise LabError("app-2 ended with exit code 1 before it was ready. The end of its log: no such module")

    def admit(self, copy: str, *, wait: bool = True) -> None:
        self.done.append(f"admit {copy}{'' if wait else ' at once'}")

    def set_copies(self, wanted: int, progress: Progress) -> None:
        self.done.append(f"copies {wanted}")
        self.stage = with_copies(described(4), wanted)

    def set_variables(self, variables: Mapping[str, str]) -> None:
        self.done.append(f"variables {dict(variables)}")


def quiet(_: str) -> None:
    """No progress wanted."""


def scaled(wanted: int, stage: FakeStage) -> list[str]:
    rolling.scale(cast("Runtime", stage), wanted, quiet)
    return stage.done


def deployed(version: str | None, stage: FakeStage) -> list[str]:
    rolling.deploy(cast("Runtime", stage), version, quiet)
    return stage.done


BOTH: tuple[Callable[[FakeStage], list[str]], ...] = (lambda one: deployed(None, one), lambda one: scaled(2, one))


def test_more_copies_get_requests_once_they_stand_and_those_that_go_are_drained_first() -> None:
    assert scaled(5, FakeStage()) == ["copies 5", "admit app-4", "admit app-5"]
    assert scaled(1, FakeStage()) == ["drain app-3", "copies 2", "drain app-2", "copies 1"]
    assert scaled(3, FakeStage()) == []


def test_a_deploy_replaces_one_after_another_and_what_ails_first() -> None:
    whole = [f"{verb} app-{number}" for number in (1, 2, 3) for verb in ("drain", "renew", "admit")]
    assert deployed(None, FakeStage()) == whole
    ailing = deployed("2", FakeStage(ailing=("app-3",)))
    assert ailing[:4] == ["variables {'VERSION': '2'}", "renew app-3", "admit app-3", "drain app-1"]


def test_a_deploy_stops_where_a_copy_does_not_become_ready_and_says_so() -> None:
    stage = FakeStage(broken="app-2")
    with pytest.raises(LabError, match=r"(?s)app-2 did not .* stops here; app-1, app-3 goes on .* no such module"):
        deployed("2", stage)
    assert stage.done[-2:] == ["drain app-2", "renew app-2"]


def test_whoever_interrupts_it_leaves_the_copy_in_its_turn() -> None:
    for work in BOTH:
        stage = FakeStage(interrupted="app-3")
        with pytest.raises(KeyboardInterrupt):
            work(stage)
        assert stage.done[-2:] == ["drain app-3", "admit app-3 at once"]


@pytest.mark.parametrize("wanted", [0, 7, -1])
def test_a_number_that_cannot_be(wanted: int) -> None:
    with pytest.raises(LabError, match="name a number from 1 to 6"):
        scaled(wanted, FakeStage())


def test_wrong_words_end_in_a_sentence() -> None:
    with pytest.raises(LabError, match="redis has no copies here"):
        command.scale("redis", 2)
    for label in ("", "a/b", "two words", "x" * 41):
        with pytest.raises(LabError, match="will not do"):
            command.deploy(label)
    for work in BOTH:
        with pytest.raises(LabError, match="copies stand from lab 4 on"):
            work(FakeStage(stage=described(3)))


def test_a_copy_as_the_balancer_sees_it() -> None:
    assert str(Seen("UP", "L7OK 200", 0, 10, None)) == "balancer: UP"
    assert str(Seen("DRAIN", "L7OK 200", 2, 10, "7b")) == "balancer: DRAIN, 2 in flight, version 7b"
