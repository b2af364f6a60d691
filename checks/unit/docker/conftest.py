"""These tests need an engine and its images: they run with RUNTIME=docker and are skipped otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checks.unit.docker.helpers import Play
from infra.runtime.docker.engine import obstacle

HERE = Path(__file__).parent
NEEDS_NO_ENGINE = ("test_obstacle.py", "test_app_image.py", "test_freezing.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder that would talk to the engine."""
    if os.environ.get("RUNTIME") == "docker":
        return
    skip = pytest.mark.skip(reason="talks to a Docker engine: run it with RUNTIME=docker")
    for item in items:
        if HERE in item.path.parents and item.path.name not in NEEDS_NO_ENGINE:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def engine() -> None:
    """Asked for by RUNTIME=docker, so an engine that cannot serve is a failure and no skip."""
    reason = obstacle()
    assert reason is None, f"RUNTIME=docker was asked for, yet {reason}"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Puts a `docker` on the PATH that runs that script. The shell's own commands are all it needs."""

    def play(script: str) -> None:
        path = tmp_path / "docker"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return play
