"""`lab hint`: every check has three layers, and asking again goes one deeper."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from checks.plugin.run import suite
from infra.commands import hint as command
from infra.commands.context import LABS
from infra.errors import LabError
from infra.hints import LAYERS, last_failed, next_hint, read_hints


def checks_of(lab: int) -> set[str]:
    """The names of the checks that prove a lab, read from their files."""
    files = [path for place in suite(lab) for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    names = [
        name for file in files for name in re.findall(r"^(?:async )?def check_(\w+)", file.read_text(), re.MULTILINE)
    ]
    return {name.replace("_", "-") for name in names}


@pytest.mark.parametrize("lab", LABS)
def test_every_check_has_every_layer(lab: int) -> None:
    hints, checks = read_hints(lab), checks_of(lab)
    assert checks, "no check was found"
    assert checks - hints.keys() == set(), "checks without hints: add them to labs/labN_*/hints.toml"
    for name, layers in hints.items():
        assert set(layers) == set(LAYERS), name
        assert all(len(text.strip()) > 20 for text in layers.values()), name


def test_there_are_no_hints_for_checks_that_are_gone() -> None:
    assert read_hints(max(LABS)).keys() - set().union(*(checks_of(lab) for lab in LABS)) == set()


def test_asked_again_it_goes_one_deeper_and_another_check_begins_anew(tmp_path: Path) -> None:
    layers = [next_hint(1, "create", tmp_path) for _ in range(4)]
    assert [hint.layer for hint in layers] == ["nudge", "pointer", "shape", "shape"]
    assert [hint.more for hint in layers] == [True, True, False, False]
    assert next_hint(1, "kill", tmp_path).layer == "nudge"
    assert next_hint(1, "create", tmp_path).layer == "nudge"


def test_what_failed_last_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "last_failed", lambda lab: last_failed(lab, tmp_path))
    monkeypatch.setattr(command, "next_hint", lambda lab, check: next_hint(lab, check, tmp_path))
    (tmp_path / "last-check.json").write_text(json.dumps({"lab": 1, "failed": ["url-kept", "kill"]}))
    command.hint(1)
    said = capsys.readouterr().out
    assert "A nudge for the check url-kept" in said
    assert "After it: kill" in said
    command.hint(1, "kill")
    assert "A nudge for the check kill" in capsys.readouterr().out
    (tmp_path / "last-check.json").write_text(json.dumps({"lab": 1, "failed": []}))
    command.hint(1)
    assert "Everything passed" in capsys.readouterr().out
    command.hint(2)
    assert "was not what was checked last" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "{}", '{"lab": 1}', "[1]", '{"lab": 1, "failed": 3}'])
def test_a_damaged_record_is_no_record(tmp_path: Path, content: str) -> None:
    (tmp_path / "last-check.json").write_text(content)
    (tmp_path / "last-hint.json").write_text(content)
    assert last_failed(1, tmp_path) is None
    assert next_hint(1, "create", tmp_path).layer == "nudge"


def test_an_unknown_check_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="url-kept"):
        next_hint(1, "nonsense", tmp_path)
