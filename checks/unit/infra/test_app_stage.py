"""Which boxes stand for an app: what its Procfile lacks stands not, or is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.app_stage import for_app, without
from infra.errors import LabError
from infra.project import COMPOSE_FILE
from infra.stage import Stage, read_stage

OPTIONAL = {"toplist", "audit", "outbox"}


def lab(number: int) -> Stage:
    return read_stage(COMPOSE_FILE, frozenset({f"lab-{number}"}), {})


def app_with(folder: Path, *processes: str) -> Path:
    (folder / "Procfile").write_text("".join(f"{name}: true\n" for name in processes))
    return folder


def names(stage: Stage) -> set[str]:
    return {box.name for box in stage.boxes}


def test_an_app_with_everything_gets_everything(tmp_path: Path) -> None:
    stage = lab(3)
    assert {box.name for box in stage.boxes if box.native.optional} == OPTIONAL
    assert for_app(stage, app_with(tmp_path, "web", "worker", "toplist", "audit", "outbox")) == stage


def test_what_is_optional_does_not_stand(tmp_path: Path) -> None:
    stage = lab(3)
    assert names(for_app(stage, app_with(tmp_path, "web", "worker"))) == names(stage) - OPTIONAL
    assert names(for_app(stage, app_with(tmp_path, "web", "worker", "audit"))) == names(stage) - OPTIONAL | {"audit"}


def test_a_worker_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"Procfile has no `worker` process, .* Add a line `worker: …` to it"):
        for_app(lab(3), app_with(tmp_path, "web", "audit"))


@pytest.mark.parametrize("number", [1, 2])
def test_earlier_labs_ask_for_no_worker(tmp_path: Path, number: int) -> None:
    assert for_app(lab(number), app_with(tmp_path, "web")) == lab(number)


def test_nobody_waits_for_what_does_not_stand() -> None:
    stage = lab(3)
    assert set(stage.box("app").depends_on) == {"migrate-lab3", "topics"}
    assert set(without(stage, ["topics"]).box("app").depends_on) == {"migrate-lab3"}
    assert "topics" not in names(without(stage, ["topics"]))


def test_steps_are_told_by_who_waits_for_their_end() -> None:
    assert {box.name for box in lab(3).boxes if box.step} == {"topics", "migrate-lab3"}
    assert {box.name for box in lab(2).boxes if box.step} == {"migrate"}
    assert not any(box.step for box in lab(1).boxes)
