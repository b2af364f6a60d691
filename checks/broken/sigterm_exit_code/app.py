"""Drains at SIGTERM, then ends as if it had crashed."""

import sys

import uvicorn

from checks.broken.spoil import run


def shutdown_as_failure(*_: object) -> None:
    sys.exit(3)


started = uvicorn.Server.run


def run_and_fail(self: uvicorn.Server, sockets: object = None) -> None:
    try:
        started(self)
    except SystemExit:
        shutdown_as_failure()
    shutdown_as_failure()


uvicorn.Server.run = run_and_fail  # type: ignore[method-assign]
run()
