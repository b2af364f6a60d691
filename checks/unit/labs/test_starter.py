"""`lab start N` lays a starter down and never writes over anything."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

import pytest

from checks.unit.labs.test_hints import checks_of
from infra.commands.context import LABS
from infra.commands.starter import lay_down, starter_of
from infra.errors import LabError
from infra.procfile import read_procfile


@pytest.mark.parametrize("lab", LABS)
def test_it_is_laid_down_whole_and_says_what_comes_next(
    lab: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "my-shortener"
    lay_down(lab, target)
    laid = {path.relative_to(target) for path in target.rglob("*")}
    source = starter_of(lab)
    assert laid == {path.relative_to(source) for path in source.rglob("*") if "__pycache__" not in path.parts}
    assert "web" in read_procfile(target)
    assert (target / "Dockerfile").is_file()
    assert f"make lab-{lab} APP={target}" in capsys.readouterr().out


@pytest.mark.parametrize(("lab", "least"), [(3, 11), (4, 11), (5, 6)])
def test_its_todos_begin_with_the_check_that_waits_for_them(lab: int, least: int) -> None:
    text = "".join(path.read_text() for path in starter_of(lab).glob("*.py"))
    named = set(re.findall(r"# TODO ([a-z-]+):", text)) | set(re.findall(r"to be written: TODO ([a-z-]+) in", text))
    assert len(named) >= least
    assert named - checks_of(lab) == set()


def test_what_is_there_stays(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    (target / "server.py").write_text("mine")
    with pytest.raises(LabError, match="there already"):
        lay_down(1, target)
    assert [path.name for path in target.iterdir()] == ["server.py"]
    assert (target / "server.py").read_text() == "mine"


def test_a_full_disk_leaves_no_half_starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(LabError, match="could not be written"):
        lay_down(1, tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_no_such_lab() -> None:
    with pytest.raises(LabError, match="no lab 9"):
        lay_down(9, Path("nowhere"))
