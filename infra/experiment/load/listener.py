"""What the lab adds to locust, inside locust's own process: options, the event log, and an end that always comes.

A locustfile calls `install` once. Without the lab's options locust behaves as it always does."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import gevent
import geventhttpclient.client
import orjson
from locust import events

from infra.experiment.ledger import NOT_SENT
from infra.experiment.load.event_log import FOLDER_PREFIX, Event, EventWriter

_FLUSH = 0.1  # seconds between two writes of the event log; also how soon a dead runner is noticed
_UNREACHABLE = (errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EMFILE)


def install() -> None:
    """Register the lab's options and listeners with locust."""
    # geventhttpclient asks a GET again, unseen, when its connection closes without an answer. Here an answer that never
    # came is what we came to see.
    geventhttpclient.client._may_retry_after_send_error = lambda method: False
    events.init_command_line_parser.add_listener(_add_options)
    events.init.add_listener(_prepare)


def _add_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("The lab's load")
    group.add_argument("--rate", type=float, default=0, help="Requests a second in all; 0: as fast as the users can")
    group.add_argument("--write-share", type=float, default=0.2, help="Share of the requests that are POST /links")
    group.add_argument("--search-share", type=float, default=0.0, help="Share that are GET /links?url= (from lab 2)")
    group.add_argument(
        "--change-share", type=float, default=0.0, help="Share that change or delete a link (from lab 3)"
    )
    group.add_argument("--show-share", type=float, default=0.0, help="Share that are GET /links/{id} (from lab 3)")
    group.add_argument("--key-share", type=float, default=0.0, help="Share of the POSTs with a key (from lab 3)")
    group.add_argument("--copies", default="", help="Base urls that take the writes in turn; none: the host alone")
    group.add_argument("--links-file", default="", help="JSON list of [id, url] to read; none: those it writes itself")
    group.add_argument("--event-log", default="", help="Write every request to this file, as JSON lines")
    group.add_argument("--load-seconds", type=float, default=0, help="End after so long; 0: by --run-time alone")
    group.add_argument("--runner-pid", type=int, default=0, help="End at once when this parent process has gone")


def _prepare(environment: Any, **_: Any) -> None:
    options = environment.parsed_options
    if options.runner_pid:
        gevent.spawn(_end_with_the_runner, options.runner_pid, Path(options.event_log or "."))
    environment.lab_links = _read_links(options.links_file)
    if options.load_seconds:
        environment.events.test_start.add_listener(lambda **_: _end_after(environment, options.load_seconds))
    if options.event_log:
        _log_events(environment, EventWriter(Path(options.event_log)))


def _end_with_the_runner(pid: int, event_log: Path) -> None:
    """A runner that was killed cannot end its load: the load sees that its parent is another one, and goes. It takes
    along the folder that the runner made for both."""
    while os.getppid() == pid:
        gevent.sleep(_FLUSH)
    if event_log.parent.name.startswith(FOLDER_PREFIX):
        shutil.rmtree(event_log.parent, ignore_errors=True)
    os._exit(1)


def _read_links(path: str) -> list[list[str]]:
    """The links to read, as soon as the runner has made them: it does so while this process starts."""
    if not path:
        return []
    while not Path(path).exists():
        gevent.sleep(0.01)
    links: list[list[str]] = orjson.loads(Path(path).read_bytes())
    return links


def _end_after(environment: Any, seconds: float) -> None:
    """gevent counts a delay from when its loop last turned, which may be long ago by now: hence a clock of our own."""
    end = time.monotonic() + seconds

    def quit_in_time() -> None:
        while (left := end - time.monotonic()) > 0:
            gevent.sleep(left)
        environment.runner.quit()

    gevent.spawn(quit_in_time)


def _log_events(environment: Any, log: EventWriter) -> None:
    def flush_for_ever() -> None:
        while True:
            gevent.sleep(_FLUSH)
            log.flush()

    environment.events.test_start.add_listener(lambda **_: log.begin(time.monotonic()))
    environment.events.request.add_listener(lambda **request: log.add(_event(**request)))
    environment.events.quit.add_listener(lambda **_: log.flush())
    gevent.spawn(flush_for_ever)


def _event(name: str, response_time: float, response: Any, context: dict[str, Any], exception: Any, **_: Any) -> Event:
    seconds = response_time / 1000
    status = getattr(response, "status_code", 0) or None
    return Event(
        at=time.monotonic() - seconds,
        seconds=seconds,
        name=name,
        status=status,
        url=context.get("url", ""),
        link_id=context.get("link_id", ""),
        error=_error(exception, status),
        key=context.get("key", ""),
        copy=_copy(response),
    )


def _copy(response: Any) -> str:
    """Which copy of the service answered, as `Served-By: app-2 (version 1)` says it."""
    headers = getattr(response, "headers", None)
    return str(headers.get("served-by", "")).partition(" ")[0] if headers else ""


def _error(exception: Any, status: int | None) -> str:
    """Short and telling: `HTTP 503`, `not sent: connection refused`, `timeout`, or what the user class found wrong."""
    if exception is None:
        return ""
    if status is not None:
        return str(exception) if not (status >= 400) else f"HTTP {status}"
    cause = getattr(exception, "original", exception) or exception
    if isinstance(cause, socket.gaierror) or getattr(cause, "errno", None) in _UNREACHABLE:
        return f"{NOT_SENT}: {os.strerror(cause.errno).lower()}"
    if isinstance(cause, TimeoutError):
        return "timeout"
    return f"connection lost ({type(cause).__name__})"
