"""What a learner sets or types wrong is answered in a sentence; what Ctrl-C ended says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import typer

from infra import cli, state
from infra.commands import context
from infra.commands.experiment_stage import free_port
from infra.compose.box import Box
from infra.errors import LabError
from infra.project import COMPOSE_FILE, ROOT, Project
from infra.runtime.local.launcher import Launcher
from infra.runtime.local.runtime import LocalRuntime
from infra.stage import read_stage


@pytest.mark.parametrize("port", ["80", "65536", "eighty", "-1", "²", "8000 "])
def test_a_port_that_will_not_do(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(LabError, match="such as PORT=8001"):
        context.port()


@pytest.mark.parametrize("name", ["my kit", "Kit", "-kit", "ä", "a/b", "kit\n"])
def test_a_project_name_that_compose_would_not_take(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PROJECT", name)
    with pytest.raises(LabError, match="use small letters"):
        context.project_name()


@pytest.mark.parametrize("app", ["no/such/folder", "~nobody-of-this-name/app"])
def test_an_app_that_is_no_folder(monkeypatch: pytest.MonkeyPatch, app: str) -> None:
    monkeypatch.setenv("APP", app)
    with pytest.raises(LabError, match="Name the folder that holds your Procfile"):
        context.app_folder()


def test_a_stage_of_a_commands_own_that_has_no_room(lab_home: Path) -> None:
    lab_home.mkdir(parents=True, exist_ok=True)
    (lab_home / "someone-check-1").write_text("a file where the folder should be")
    with pytest.raises(LabError, match="Mend that"), state.owned(Project("someone-check-1", lab=1)):
        pytest.fail("nothing may be brought up here")


def test_ctrl_c_in_a_command_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    app = typer.Typer()
    app.command()(interrupted)
    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr("sys.argv", ["lab"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    assert "Interrupted" in capsys.readouterr().err


def test_a_box_that_is_never_ready_comes_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.runtime.local.launcher.START_DEADLINE", 0.0)
    box = read_stage(COMPOSE_FILE, frozenset({"lab-1"}), {}).boxes[0]

    def nothing(box: Box) -> None:
        """It runs."""

    launcher = Launcher(lambda *_: True, lambda _: "no answer", nothing, lambda _: "Mend it.", lambda _: None)
    with pytest.raises(LabError, match=r"no answer\.\nMend it"):
        launcher.run([box], set())


@pytest.mark.parametrize("word", ["kill", "kill-", "lab", "nonsense"])
def test_a_word_that_make_does_not_know(word: str) -> None:
    done = subprocess.run(["make", word], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"make knows no word '{word}'" in done.stderr


def test_a_service_that_listens_nowhere_is_asked_about_its_port(lab_home: Path) -> None:
    runtime = LocalRuntime(Project("deaf", lab=1, app=lab_home, port=free_port()))
    assert "Does it listen on 127.0.0.1, at the PORT" in runtime.boxes.advice(runtime.stage.box("app"))
