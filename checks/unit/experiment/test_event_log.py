"""What the load writes is what the runner reads, also in the middle of a line."""

from __future__ import annotations

from pathlib import Path

from infra.experiment.load.event_log import Event, EventReader, EventWriter

EVENT = Event(105.5, 0.25, "POST /links", 201, "https://example.com/ü", "abc", "")


def test_events_arrive_in_order_on_the_runs_clock(tmp_path: Path) -> None:
    writer, reader = EventWriter(tmp_path / "log"), EventReader(tmp_path / "log")
    writer.begin(100.0)
    writer.add(EVENT)
    assert reader.read() == []  # not flushed yet, but begun
    assert reader.began == 100.0
    writer.flush()
    (event,) = reader.read()
    request = event.request(100.0)
    assert (request.start, request.end, request.outcome, request.link_id) == (5.5, 5.75, "ok", "abc")


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    writer, log = EventWriter(tmp_path / "whole"), tmp_path / "log"
    writer.begin(1.0)
    writer.add(EVENT)
    writer.flush()
    content = (tmp_path / "whole").read_bytes()
    reader = EventReader(log)
    assert reader.read() == []  # no file yet
    log.write_bytes(content[:-9])
    assert reader.read() == []
    with log.open("ab") as rest:
        rest.write(content[-9:])
    assert reader.read() == [EVENT]
    assert reader.read() == []
