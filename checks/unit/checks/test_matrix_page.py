"""The page of the failure matrix: what clients met is counted, written down, and shown beside the other runtime's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from checks.eventually import eventually
from checks.matrix.page import page, read
from checks.matrix.probe import Kind, Probe, probed
from checks.matrix.record import Cell

SEEN = {"seconds": 3.0, "reads": 30, "reads_failed": 0, "read_gap": 0.1}
SEEN |= {"writes": 28, "writes_failed": 7, "write_gap": 2.24}


class Reads(BaseHTTPRequestHandler):
    """A service that follows links and takes none."""

    def do_GET(self) -> None:
        self._say(302)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._say(503)

    def _say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Reads)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_is_served_and_what_is_not_is_counted_apart(url: str) -> None:
    with probed(url, "abc") as probe:
        assert eventually(lambda: probe.reads.sent > 3 and probe.writes.sent > 3, within=10)
    said = probe.figures()
    assert (said["reads_failed"], said["writes_failed"]) == (0, probe.writes.sent)
    assert said["write_gap"] == said["seconds"] > said["read_gap"]


def test_a_gap_lies_between_two_that_were_served_or_at_an_end() -> None:
    assert Kind(4, 1, [1.0, 1.5, 4.0]).gap(0.5, 4.2) == 2.5
    assert Kind(2, 2).gap(1.0, 3.0) == 2.0
    assert Probe("", "", began=1.0, ended=3.0).figures()["read_gap"] == 2.0


def test_without_a_file_nothing_is_written_and_the_stage_is_healed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MATRIX_RECORD", raising=False)
    healed: list[bool] = []
    cell = Cell(3, "kill redis", "Nobody notices.", "local")
    with cell.met("http://127.0.0.1:9", "abc"):
        pass
    cell.healed(lambda: healed.append(True))
    assert (healed, cell.file) == ([True], None)


def test_the_page_shows_both_runtimes_side_by_side(tmp_path: Path) -> None:
    files = [tmp_path / "local.jsonl", tmp_path / "docker.jsonl"]
    for file, runtime in zip(files, ("local", "docker"), strict=True):
        cell = Cell(5, "kill leader", "Another one leads.", runtime, file)
        cell._figures |= SEEN
        cell.healed(lambda: None)
    Cell(5, "fill leader", "Nothing.", "local", files[0]).impossible("RUNTIME=docker can")
    shown = page(read(files))
    assert "## Lab 5" in shown
    (kill,) = (line for line in shown.splitlines() if line.startswith("| kill leader"))
    assert kill.count("writes 7 of 28 failed, gap 2.2 s") == 2
    assert "reads 0 of 30 failed<br>" in kill
    (fill,) = (line for line in shown.splitlines() if line.startswith("| fill leader"))
    assert "cannot be injected | not run |" in fill


def test_a_page_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="make matrix"):
        page([])
