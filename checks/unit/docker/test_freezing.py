"""A container that cannot be frozen at once is paused all the same, or docker says why not. A script plays `docker`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.unit.docker.helpers import Play
from infra.errors import LabError
from infra.runtime.docker import freezing
from infra.runtime.docker.containers import Container

BOX = Container("0123", "app", "running", 0, {}, "", (), False, "", "", "")
NOT_YET = "echo 'cannot pause container 0123: OCI runtime pause failed: unable to freeze: unknown' >&2; exit 1"


@pytest.fixture
def tries(tmp_path: Path) -> Path:
    """A line for each call of `docker`."""
    return tmp_path / "tries"


def test_it_is_tried_again_until_it_freezes(docker: Play, tries: Path) -> None:
    docker(f'[ $1 = pause ] || exit 1; echo "$@" >>{tries}; [ $(wc -l <{tries}) = 3 ] || {{ {NOT_YET}; }}')
    freezing.freeze(BOX, "app")
    assert tries.read_text().split("\n") == ["pause 0123"] * 3 + [""]


def test_one_that_never_freezes_is_given_up(docker: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezing, "_PATIENCE", 0.1)
    docker(NOT_YET)
    with pytest.raises(LabError, match="unable to freeze"):
        freezing.freeze(BOX, "app")


def test_what_is_no_matter_of_time_is_told_at_once(docker: Play, tries: Path) -> None:
    docker(f"[ $1 = pause ] || exit 1; echo x >>{tries}; echo 'No such container: 0123' >&2; exit 1")
    with pytest.raises(LabError, match="No such container"):
        freezing.freeze(BOX, "app")
    assert tries.read_text() == "x\n"


def checked(seconds_ago: float) -> str:
    """A health check every 5 s, of which the last one ended so long ago, as the engine tells it."""
    ended = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    health = {"Status": "healthy", "Log": [{"End": f"{ended:%Y-%m-%dT%H:%M:%S.%f}123Z"}]}
    return f"echo '{json.dumps({'Interval': 5_000_000_000})}'; echo '{json.dumps(health)}'"


def test_it_waits_for_a_health_check_that_is_due(docker: Play, tries: Path) -> None:
    due, done = f"{{ {checked(4.5)}; }}", f"{{ {checked(0.1)}; }}"
    docker(f"echo $1 >>{tries}; [ $1 = pause ] || if [ $(wc -l <{tries}) = 3 ]; then {done}; else {due}; fi")
    freezing.freeze(BOX, "app")
    assert tries.read_text().split() == ["inspect"] * 3 + ["pause"]


def test_a_health_check_that_does_not_end_is_not_waited_for_for_ever(
    docker: Play, tries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezing, "_PATIENCE", 0.1)
    docker(f"echo $1 >>{tries}; [ $1 = pause ] || {{ {checked(7)}; }}")
    freezing.freeze(BOX, "app")
    assert tries.read_text().split()[-1] == "pause"


def test_one_without_a_health_check_is_paused_at_once(docker: Play, tries: Path) -> None:
    docker(f"echo $1 >>{tries}; [ $1 = pause ] || {{ echo null; echo null; }}")
    freezing.freeze(BOX, "app")
    assert tries.read_text().split() == ["inspect", "pause"]
