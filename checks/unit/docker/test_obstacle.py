"""Why Docker cannot serve is said in words, from whatever `docker` answers. A script plays `docker` here."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from checks.unit.docker.helpers import Play
from infra.runtime.docker import engine

GOOD = 'case "$1 $2" in "version --format") echo 27.1;; "compose version") echo v2.29.0;; esac'


def test_a_good_engine_with_its_images_is_no_obstacle(docker: Play) -> None:
    docker(GOOD)
    assert engine.obstacle() is None


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo Cannot connect to the Docker daemon >&2; exit 1", "no Docker engine answers"),
        ("echo permission denied while trying to connect >&2; exit 1", "you may not talk to the Docker engine"),
        ('[ "$1" != version ] || echo 20.10.24+dfsg1', "engine is version 20.10.24"),
        ('[ "$1" = compose ] && exit 1; echo 27.1', "Docker Compose is missing"),
        ('[ "$1" = compose ] && echo 2.17.3 || echo 27.1', "Docker Compose is version 2.17.3"),
        (f'{GOOD}; case "$1" in image|manifest) exit 1;; esac', "no registry answers"),
    ],
)
def test_each_obstacle_has_its_words(docker: Play, script: str, words: str) -> None:
    docker(script)
    assert words in (engine.obstacle() or "")


def test_no_docker_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "not installed" in (engine.obstacle() or "")


def test_a_mute_registry_is_waited_for_three_seconds_at_most(docker: Play) -> None:
    docker(f'{GOOD}; case "$1" in image) exit 1;; manifest) exec sleep 30;; esac')
    began = time.monotonic()
    assert "no registry answers" in (engine.obstacle() or "")
    assert time.monotonic() - began < 6


def test_images_that_can_be_pulled_are_no_obstacle(docker: Play) -> None:
    docker(f'{GOOD}; [ "$1" != image ]')
    assert engine.obstacle() is None
