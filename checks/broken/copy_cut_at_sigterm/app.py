"""A copy ends at SIGTERM without a look at who is being served."""

import os
import signal

import uvicorn

from checks.broken.spoil import run


def end(*_: object) -> None:
    os._exit(0)


uvicorn.Server.handle_exit = end  # type: ignore[method-assign,assignment]
signal.signal(signal.SIGTERM, end)
run()
