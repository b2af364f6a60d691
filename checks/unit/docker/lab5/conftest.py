"""One stage of lab 5 for all tests of this folder: it takes longer to stand up than most of them take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.unit.docker.helpers import left_behind, project, standing
from infra.project import ROOT
from infra.runtime.docker.runtime import DockerRuntime


@pytest.fixture(scope="package")
def stage(engine: None) -> Iterator[DockerRuntime]:
    own = project("lab5", 5, ROOT / "shortener")
    try:
        yield standing(own)
    finally:
        DockerRuntime(own).down(volumes=True)
    assert left_behind(own.name) == []
