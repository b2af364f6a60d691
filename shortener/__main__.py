"""`python -m shortener`: the service of the lab that LAB names, on HOST and PORT, until SIGTERM or SIGINT."""

import gc
import importlib
import os
import signal
import sys
from typing import Any

import uvicorn
from starlette.types import ASGIApp

WIRINGS = {
    "1": "shortener.lab1_file.wiring",
    "2": "shortener.lab2_postgres.wiring",
    "3": "shortener.lab3_cache_and_events.wiring",
    "4": "shortener.lab4_many_copies.wiring",
    "5": "shortener.lab5_failover.wiring",
}
SERVER: dict[str, Any] = {"loop": "uvloop", "http": "httptools", "ws": "none", "access_log": False}


def serve(app: ASGIApp, host: str, port: int) -> None:
    """Until SIGTERM or SIGINT."""
    gc.freeze()  # what stands by now stays: to look through it now and then would hold up the requests for 40 ms
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=8, **SERVER)


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn drains first, and then hands the signal on to this
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        app = importlib.import_module(WIRINGS[os.environ["LAB"]]).wire(os.environ)
        host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])
    except KeyError as error:
        sys.exit(f"{error} is not set, or LAB is none of {', '.join(WIRINGS)}: the service is configured by variables.")
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    serve(app, host, port)


if __name__ == "__main__":
    main()
