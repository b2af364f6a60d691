"""Bringing a stage up is cut short, by Ctrl-C or by kill -9 of the tool: nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checks.unit.infra.conftest import OpenStage
from checks.unit.infra.helpers import living_below
from checks.unit.infra.looking import get, quiet
from infra import state
from infra.project import ROOT, Project
from infra.runtime.ports import is_free

TOOL = """
import sys
from pathlib import Path
from infra.project import Project
from infra.runtime.local.runtime import LocalRuntime
name, app, port = sys.argv[1:]
LocalRuntime(Project(name, 2, app=Path(app), port=int(port))).up(lambda line: print(line, flush=True))
"""


class TestUpThatIsInterrupted:
    """`up` runs in a process of its own, which gets the signal when Postgres is ready and the service is not."""

    @pytest.fixture
    def interrupt(self, lab_home: Path) -> Callable[[Project, list[signal.Signals]], subprocess.Popen[str]]:
        def interrupt(project: Project, signals: list[signal.Signals]) -> subprocess.Popen[str]:
            tool = subprocess.Popen(
                [sys.executable, "-c", TOOL, project.name, str(project.app), str(project.port)],
                cwd=ROOT,
                env={**os.environ, "LAB_HOME": str(lab_home)},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert tool.stdout is not None
            with tool:
                assert "postgres is ready" in tool.stdout.readline()
                for number in signals:
                    tool.send_signal(number)
                tool.stdout.read()
            return tool

        return interrupt

    @pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT] * 3, [signal.SIGTERM]])
    def test_ctrl_c_takes_everything_down_again(
        self,
        interrupt: Callable[[Project, list[signal.Signals]], subprocess.Popen[str]],
        open_stage: OpenStage,
        signals: list[signal.Signals],
    ) -> None:
        project = open_stage(2).project
        tool = interrupt(project, signals)
        assert tool.returncode not in (0, -signal.SIGKILL)
        assert living_below(project.folder) == []
        assert is_free(project.port)
        assert {entry.name for entry in project.folder.iterdir()} <= {"volumes", "own.json"}

    @pytest.mark.parametrize("then", ["up", "down"])
    def test_a_killed_tool_leaves_what_the_next_command_cleans(
        self,
        interrupt: Callable[[Project, list[signal.Signals]], subprocess.Popen[str]],
        open_stage: OpenStage,
        then: str,
    ) -> None:
        runtime = open_stage(2)
        assert interrupt(runtime.project, [signal.SIGKILL]).returncode == -signal.SIGKILL
        assert living_below(runtime.project.folder) != []
        remembered = state.load(runtime.project.name)
        assert remembered == (replace(runtime.project), "local")
        if then == "up":
            runtime.up(quiet)
            assert get(runtime, "/readyz") == 200
        runtime.down()
        assert living_below(runtime.project.folder) == []
        assert is_free(runtime.project.port)
