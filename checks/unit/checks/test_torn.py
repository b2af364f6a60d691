"""The watcher behind the kill at the worst moment: it strikes when a file is cut short, and only then."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from checks.plugin.torn import Killer, watch
from infra.runtime.protocol import Runtime

REWRITE = """
import sys
from pathlib import Path
file, size = Path(sys.argv[1]), 300_000
while True:
    size += 100
    file.write_bytes(b"x" * size)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "links.json"
    file.write_bytes(b"x" * 10)
    return file


@contextmanager
def meanwhile(change: Callable[[], object]) -> Iterator[None]:
    """`change`, again and again, in a thread."""
    end = threading.Event()

    def work() -> None:
        while not end.wait(0.002):
            change()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def replace(file: Path) -> None:
    scratch = file.with_suffix(".tmp")
    scratch.write_bytes(file.read_bytes() + b"x")
    scratch.replace(file)


def append(file: Path) -> None:
    with file.open("ab") as end:
        end.write(b"x")


@pytest.mark.parametrize(
    "cut",
    [lambda file: file.write_bytes(b"x" * 4), lambda file: file.unlink(missing_ok=True)],
    ids=["short", "missing"],
)
def test_it_strikes_once_when_the_file_is_cut_short(file: Path, cut: Callable[[Path], object]) -> None:
    strikes: list[float] = []
    with meanwhile(lambda: (file.write_bytes(b"x" * 10), cut(file))):
        size, struck = watch(file, 10.0, lambda: strikes.append(time.monotonic()))
    assert struck
    assert 0 < size <= 10
    assert len(strikes) == 1


@pytest.mark.parametrize("grow", [replace, append])
def test_a_file_that_only_grows_is_left_alone(file: Path, grow: Callable[[Path], None]) -> None:
    began = time.monotonic()
    with meanwhile(lambda: grow(file)):
        size, struck = watch(file, 0.2, lambda: pytest.fail("it struck"))
    assert not struck
    assert size > 10
    assert time.monotonic() - began < 5


def test_a_file_that_never_comes_is_no_reason_to_strike(tmp_path: Path) -> None:
    assert watch(tmp_path / "none", 0.05, lambda: pytest.fail("it struck")) == (0, False)


def test_a_process_that_rewrites_in_place_is_caught_with_half_a_file(file: Path) -> None:
    """Once in ten tries is asked for; nearly each of them does it."""
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", REWRITE, str(file)]) as child:
            try:
                before, _ = watch(file, 10.0, child.kill)
            finally:
                child.kill()
        if file.stat().st_size < before:
            return
    pytest.fail("ten kills, and each left a whole file")


def test_without_sight_of_the_file_it_kills_at_once_and_says_so() -> None:
    done: list[str] = []

    class Docker:
        def kill(self, box: str) -> None:
            done.append(f"kill {box}")

        def start(self, box: str) -> None:
            done.append(f"start {box}")

    killer = Killer("app", "LINKS_FILE", 60.0)
    killer(cast(Runtime, Docker()))
    assert done == ["kill app", "start app"]
    assert "kills at fixed times alone" in str(killer)


def test_it_says_what_a_kill_left() -> None:
    killer = Killer("app", "LINKS_FILE", 1.0, watched=0.1, cuts=[(264_490, 1024)])
    assert str(killer) == "the file was cut short when the kill came: 1,024 bytes, where 264,490 stood just before"
