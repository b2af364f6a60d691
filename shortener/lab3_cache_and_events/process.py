"""What the processes beside the service share: how they start, try again, and stop. Lab 3."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry, start_http_server

log = logging.getLogger(__name__)
Result = TypeVar("Result")

PAUSE_SECONDS = 0.2  # between two attempts
STOP_SECONDS = 6.0  # to end what is in hand, also when a server hangs
UNFINISHED = "stopped before it was done: the rest will be done after the next start"


class Stopped(Exception):  # noqa: N818 - not a mistake
    """The process shall end, and what is in hand cannot be ended."""


class Stopping:
    """Whether SIGTERM or SIGINT has come. A plain flag: what is in hand is ended first."""

    def __init__(self) -> None:
        self.requested = False

    def listen(self) -> None:
        """What hangs for 6 seconds more is left as it is: whatever was not done will be done after the next start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request)
        signal.signal(signal.SIGALRM, self._break_off)

    def _request(self, *_: object) -> None:
        self.requested = True
        signal.setitimer(signal.ITIMER_REAL, STOP_SECONDS)

    def _break_off(self, *_: object) -> None:
        log.warning(UNFINISHED)
        os._exit(0)  # an exception would make the client of the server that hangs say goodbye to it

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.requested and time.monotonic() < end:
            time.sleep(0.02)

    def insist(self, action: Callable[[], Result], *failures: type[Exception]) -> Result:
        """What `action` returns, once it does not raise one of `failures`. Raises Stopped when that must end first."""
        said = ""
        while True:
            try:
                return action()
            except failures as error:
                if (sentence := first_line(error)) != said:
                    log.warning("it is tried again until it works: %s", sentence)
                    said = sentence
            self.pause(PAUSE_SECONDS)
            if self.requested:
                raise Stopped


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def run(main: Callable[[CollectorRegistry, Stopping], None]) -> None:
    """Runs `main` with its metrics on HOST and PORT until it ends. A missing or bad variable is told in a sentence."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stopping, metrics = Stopping(), CollectorRegistry()
    stopping.listen()
    try:
        start_http_server(int(os.environ["PORT"]), os.environ.get("HOST", "127.0.0.1"), metrics)
        main(metrics, stopping)
    except KeyError as error:
        sys.exit(f"{error} is not set: this process is configured by variables.")
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    except KafkaException as error:  # what does not heal by itself
        sys.exit(f"Kafka: {error.args[0].str()}")
    except Stopped:
        log.warning(UNFINISHED)
