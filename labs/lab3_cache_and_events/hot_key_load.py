"""The load of the hot key: half of the visitors follow one link at the service, the others at its naive twin."""

from __future__ import annotations

from argparse import ArgumentParser

from locust import events, task

from labs.lab1_file import locustfile as lab1


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _add_option(parser: ArgumentParser) -> None:
    parser.add_argument("--naive", default="", help="Base url of the naive twin")


class Visitor(lab1.Visitor):
    """Everybody follows the same link: that of the hour."""

    @task  # type: ignore[untyped-decorator]
    def visit(self) -> None:
        self.get(*self.links[0])


class VisitorOfTheTwin(lab1.Visitor):
    @task  # type: ignore[untyped-decorator]
    def visit(self) -> None:
        path = f"{self.options.naive}/{self.links[0][0]}"
        self.client.get(path, name="GET naive", allow_redirects=False)
