"""`lab seed` and `lab import` hand on what a learner typed, or say in one sentence why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.commands import import_, seed
from infra.errors import LabError
from infra.project import COMPOSE_FILE
from infra.stage import Stage, read_stage


@dataclass
class Recorder:
    """Only what the two commands touch of a runtime."""

    lab: int = 2
    code: int = 0
    ran: list[tuple[str, list[str], Path | None]] = field(default_factory=list)

    @property
    def stage(self) -> Stage:
        return read_stage(COMPOSE_FILE, frozenset({f"lab-{self.lab}"}), {})

    def run(self, tool: str, arguments: Sequence[str] = (), *, stdin: Path | None = None) -> int:
        self.ran.append((tool, list(arguments), stdin))
        return self.code


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(seed, "current", lambda: recorder)
    monkeypatch.setattr(import_, "current", lambda: recorder)
    return recorder


@pytest.mark.parametrize("count", ["1_000_000", "1,000,000", "1000000"])
def test_numbers_as_people_write_them(runtime: Recorder, count: str) -> None:
    seed.seed(count)
    assert runtime.ran == [("seed", ["1000000"], None)]


@pytest.mark.parametrize("count", ["", "0", "-5", "many", "1e6", "1.5", "50_000_001", "٣"])
def test_what_is_no_number_of_links(runtime: Recorder, count: str) -> None:
    with pytest.raises(LabError, match="no number of links"):
        seed.seed(count)
    assert runtime.ran == []


def test_lab_1_has_no_database_to_fill(runtime: Recorder) -> None:
    runtime.lab = 1
    with pytest.raises(LabError, match="make lab-2"):
        seed.seed("10")
    with pytest.raises(LabError, match="make lab-2"):
        import_.import_links(None)


def test_a_file_goes_in_by_standard_input(runtime: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "links.json"
    file.write_text("{}")
    import_.import_links(file)
    import_.import_links(None)
    assert runtime.ran == [("import", ["-"], file), ("import", [], None)]


def test_no_such_file(runtime: Recorder, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no file"):
        import_.import_links(tmp_path / "nothing.json")


def test_a_tool_that_fails_fails_the_command(runtime: Recorder) -> None:
    runtime.code = 3
    with pytest.raises(LabError, match="exit code 3"):
        seed.seed("10")
    with pytest.raises(LabError, match="exit code 3"):
        import_.import_links(None)
