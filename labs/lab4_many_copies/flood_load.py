"""The load of the flood: visitors who follow links, and for some seconds one client that makes as many as it can."""

from __future__ import annotations

import time
from argparse import ArgumentParser

import gevent
from locust import events, task
from locust.exception import StopUser

from infra.experiment.load.urls import unique_url
from labs.lab1_file import locustfile as lab1

FLOOD = "POST /links (flood)"


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--flood-from", type=float, default=4.0, help="Seconds after which the flood begins")
    parser.add_argument("--flood-until", type=float, default=9.0, help="Seconds after which it ends")
    parser.add_argument("--flood-rate", type=float, default=400.0, help="New links a second, in all")


class Visitor(lab1.Visitor):
    weight = 3


class Flooder(lab1.Visitor):
    """Asks for new links, one after the other, whatever it is answered."""

    post_name = FLOOD

    def on_start(self) -> None:
        began = time.monotonic()
        self.until = began + self.options.flood_until
        flooders = max(1, round(self.environment.runner.target_user_count / 4))
        self.interval = flooders / self.options.flood_rate
        gevent.sleep(self.options.flood_from)

    @task  # type: ignore[untyped-decorator]
    def visit(self) -> None:
        if time.monotonic() > self.until:
            raise StopUser
        self.post(unique_url(lab1.RUN, next(lab1.NUMBERS)))
