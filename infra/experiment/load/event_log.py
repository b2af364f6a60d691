"""The experiment's event log: JSON lines that the load writes and the runner reads while they grow.

Times are CLOCK_MONOTONIC, which all processes of a machine share: locust's requests and the runner's faults fall on one
clock. The first line is {"began": t}; each other one is a request."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from infra.experiment.ledger import classify
from infra.experiment.timeline import Request

FOLDER_PREFIX = "lab-load-"  # how the temporary folder that holds the log is called


@dataclass(frozen=True)
class Event:
    """One finished request as the load saw it: `at` is when it started, on the monotonic clock."""

    at: float
    seconds: float
    name: str
    status: int | None
    url: str
    link_id: str
    error: str
    key: str = ""
    copy: str = ""

    def request(self, began: float) -> Request:
        outcome = classify(self.name, self.status, self.error)
        said = (self.url, self.link_id, self.error, self.key, self.copy)
        return Request(self.at - began, self.seconds, self.name, outcome, self.status, *said)


class EventWriter:
    """Appends to the log. What is added waits in memory for `flush`, so that load does not wait for the disk."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lines: list[bytes] = []

    def begin(self, at: float) -> None:
        self._lines.append(orjson.dumps({"began": at}))
        self.flush()

    def add(self, event: Event) -> None:
        self._lines.append(orjson.dumps(event))

    def flush(self) -> None:
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        left = memoryview(b"\n".join(lines) + b"\n")
        while left:
            left = left[os.write(self._file, left) :]


class EventReader:
    """Follows a log from its beginning; a line that is not yet whole waits for the next `read`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self.began: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._rest = b""

    def read(self) -> list[Event]:
        """The requests written since the last call."""
        try:
            with self._path.open("rb") as log:
                log.seek(self._offset)
                fresh = log.read()
        except FileNotFoundError:
            return []
        self._offset += len(fresh)
        *lines, self._rest = (self._rest + fresh).split(b"\n")
        events = []
        for line in lines:
            row = orjson.loads(line)
            if "began" in row:
                self.began = row["began"]
            else:
                events.append(Event(**row))
        return events
