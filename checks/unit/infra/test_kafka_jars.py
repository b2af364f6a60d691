"""Kafka's jars: what the lock says and nothing else, fetched once, mended when damaged, and said when out of reach."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from checks.unit.infra.helpers import soon
from infra import project as places
from infra.boxes import kafka_jars
from infra.errors import LabError
from infra.project import ROOT

FETCH = """
import pathlib, sys
from infra.boxes import kafka_jars
kafka_jars.class_path(pathlib.Path(sys.argv[1]), print)
"""
LOCK = ROOT / "infra" / "boxes" / "kafka.lock"


class Mirror(ThreadingHTTPServer):
    """A place that has the jars, those of the kit's own cache. `broken` names one that it tells wrongly."""

    daemon_threads = True
    asked: list[str]
    broken = ""
    slow = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Quiet: one who is interrupted, or finds a wrong jar, hangs up in the middle."""


class _Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.asked.append(name)
        file = places.LAB_HOME / "cache" / "kafka" / "jars" / name
        if not file.is_file():
            self.send_error(404)
            return
        content = b"not what you think" if name == self.server.broken else file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        if self.server.slow.is_set():
            threading.Event().wait(20)
        self.wfile.write(content[half:])

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Named in the settings file of jgo, as a learner behind a mirror would do it."""
    kafka_jars.class_path(places.LAB_HOME / "cache", print)
    server = Mirror(("127.0.0.1", 0), _Answer)
    server.asked, server.slow = [], threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    place = f"http://127.0.0.1:{server.server_address[1]}"
    (home / ".config" / "jgo.conf").write_text(f"[repositories]\nmirror = {place}\n")
    monkeypatch.setenv("HOME", str(home))
    yield server
    server.shutdown()
    server.server_close()
    with warnings.catch_warnings():  # jgo leaves the connection of a download that was given up to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def jars_in(cache: Path) -> list[str]:
    return sorted(file.name for file in (cache / "kafka" / "jars").glob("*.jar"))


def test_the_lock_holds_coordinates_and_sums_and_no_host() -> None:
    jars = kafka_jars.locked()
    assert len({(jar.group, jar.artifact) for jar in jars}) == len(jars) > 40
    assert all(len(jar.sha256) == 64 and jar.size > 1000 for jar in jars)
    assert kafka_jars.version() == "4.3.0"
    assert "//" not in LOCK.read_text()


def test_they_are_fetched_once_and_in_order(tmp_path: Path, mirror: Mirror) -> None:
    said: list[str] = []
    cache = tmp_path / "cache"
    found = kafka_jars.class_path(cache, said.append)
    assert [file.name for file in found] == [jar.file for jar in kafka_jars.locked()]
    size = f"{sum(jar.size for jar in kafka_jars.locked()) / 1e6:.0f}"
    assert f"({size} MB, this first time only)" in said[0]
    assert said[-1] == f"Kafka's jars: {size} of {size} MB"
    mirror.asked.clear()
    assert kafka_jars.class_path(cache, said.append) == found
    assert mirror.asked == []
    assert sorted(entry.name for entry in (cache / "kafka" / "jars").iterdir() if entry.suffix != ".jar") == [
        "checked.json",
        "lock",
    ]


def test_one_that_is_damaged_or_gone_is_fetched_again(tmp_path: Path, mirror: Mirror) -> None:
    first, second, *_ = kafka_jars.class_path(tmp_path, print)
    mirror.asked.clear()
    right = first.read_bytes()
    first.write_bytes(right[:-1] + b"?")
    second.unlink()
    kafka_jars.class_path(tmp_path, print)
    assert first.read_bytes() == right
    assert {name for name in mirror.asked if name.endswith(".jar")} == {first.name, second.name}


def test_what_is_not_as_locked_is_refused(tmp_path: Path, mirror: Mirror) -> None:
    mirror.broken = kafka_jars.locked()[3].file
    with pytest.raises(LabError, match=f"{mirror.broken} arrived, but it is not what infra/boxes/kafka.lock says"):
        kafka_jars.class_path(tmp_path, print)
    assert mirror.broken not in jars_in(tmp_path)
    mirror.broken = ""
    assert len(kafka_jars.class_path(tmp_path, print)) == len(jars_in(tmp_path))


def test_two_stages_do_not_fetch_at_once(tmp_path: Path, mirror: Mirror) -> None:
    words = [sys.executable, "-c", FETCH, str(tmp_path)]
    both = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=120)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    names = [name for name in mirror.asked if name.endswith(".jar")]
    assert sorted(names) == jars_in(tmp_path)
    assert sum("this first time only" in text for text in said) == 1


@pytest.mark.parametrize("number", ["SIGINT", "SIGKILL"])
def test_an_interrupted_fetch_goes_on_where_it_was(tmp_path: Path, mirror: Mirror, number: str) -> None:
    mirror.slow.set()
    words = [sys.executable, "-c", FETCH, str(tmp_path)]
    fetching = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    soon(lambda: len(mirror.asked) >= 4, within=60)
    fetching.send_signal(getattr(signal, number))
    assert fetching.wait(60) != 0
    mirror.slow.clear()
    assert len(kafka_jars.class_path(tmp_path, print)) == len(jars_in(tmp_path)) == len(kafka_jars.locked())


def test_out_of_reach_is_said_in_one_sentence_with_the_other_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(LabError, match=r"cannot be fetched .* try again, or use RUNTIME=docker\.$") as told:
        kafka_jars.class_path(tmp_path, print)
    assert "//" not in str(told.value)
    assert jars_in(tmp_path) == []


def test_a_cache_that_was_checked_needs_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    cache = places.LAB_HOME / "cache"
    marks = json.loads((cache / "kafka" / "jars" / "checked.json").read_text())
    assert set(marks) == {file.name for file in kafka_jars.class_path(cache, print)}
    assert os.environ["HTTPS_PROXY"]
