"""Stages and boxes of the tests' own: a lab home in a temporary folder, a tiny app, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks.unit.infra.helpers import free_port, living_below
from infra import project as places
from infra.project import Project
from infra.runtime.local.runtime import LocalRuntime

TINY_APP = Path(__file__).parent / "tiny_app"

OpenStage = Callable[..., LocalRuntime]


@pytest.fixture
def lab_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A `.lab` of the test's own, which shares the kit's cache. Afterwards no process may work in it."""
    home = tmp_path / "lab"
    home.mkdir()
    cache = places.LAB_HOME / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (home / "cache").symlink_to(cache)
    monkeypatch.setattr(places, "LAB_HOME", home)
    yield home
    left = living_below(home)
    for process in left:
        process.kill()
    assert left == []


@pytest.fixture
def open_stage(lab_home: Path) -> Iterator[OpenStage]:
    """Opens a lab's stage with the tiny app, each on a port of its own; all are down at the end."""
    opened: list[LocalRuntime] = []

    def open_(lab: int, name: str = "stage", *, app: Path = TINY_APP, port: int | None = None) -> LocalRuntime:
        opened.append(LocalRuntime(Project(name, lab, app=app, port=port or free_port())))
        return opened[-1]

    yield open_
    for runtime in opened:
        runtime.down(volumes=True)
        assert not runtime.project.folder.exists()
