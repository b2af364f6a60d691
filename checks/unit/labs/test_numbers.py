"""`lab numbers` measures, and says so in words when it cannot."""

from __future__ import annotations

import errno
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infra.errors import LabError
from labs.lab1_file.latency import disk, memory, network
from labs.lab1_file.latency.figures import Figure, in_words, measure


def test_every_row_comes_and_what_is_measured_lies_in_sane_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "BIG", 1 << 18)
    monkeypatch.setattr(memory, "HOPS", 50_000)
    rows = {row.what: row for row in measure(tmp_path, stage=None)}
    assert 0 <= (rows["memory access"].here or 0) < 10e-6
    for what in ("read 4 KiB from SSD", "fsync of 4 KiB", "TCP round trip", "TCP connect"):
        here = rows[what].here
        assert here is not None, what
        assert 1e-7 < here < 1, what
    assert rows["cross-region round trip"].here is None
    assert rows["disk seek"].here is None
    assert "no stage stands" in rows["HTTP GET /healthz"].meaning
    assert all(row.meaning for row in rows.values())
    assert list(tmp_path.iterdir()) == []


def test_the_chain_visits_a_new_line_at_each_hop() -> None:
    chain = memory._chain(1 << 10, 1 << 10)
    place, seen = 0, set()
    for _ in range(1 << 10):
        place = chain[place]
        seen.add(place)
    assert len(seen) == 1 << 10
    assert all(place % memory.LINE == 0 for place in seen)


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LabError, match="The disk is full"):
        disk.disk_times(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be measured"):
        disk.disk_times(tmp_path / "file" / "below")


@pytest.mark.parametrize(("status", "measured"), [(200, True), (503, False)])
def test_only_an_answer_of_200_is_timed(status: int, measured: bool) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        took = network.http_request(("127.0.0.1", server.server_port))
        server.shutdown()
        thread.join()
    assert (took is not None) is measured


def test_nobody_listening_is_no_measurement() -> None:
    assert network.http_request(("127.0.0.1", 1)) is None


def test_the_ratio_compares_with_the_textbook() -> None:
    assert Figure("x", 100e-9, 250e-9, "").ratio == pytest.approx(2.5)
    assert Figure("x", None, 250e-9, "").ratio is None
    assert Figure("x", 100e-9, None, "").ratio is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1e-7, "100 ns"), (2.5e-9, "2.5 ns"), (75e-6, "75 µs"), (9.99e-4, "999 µs"), (0.01, "10 ms"), (1.5, "1.5 s")],
)
def test_times_are_said_in_their_natural_unit(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
