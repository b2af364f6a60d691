"""A client of one region: it reads a link, and writes it with the version that it has read. Lab 5."""

from __future__ import annotations

import time
from dataclasses import dataclass

import orjson

from infra.errors import LabError
from infra.experiment.keepalive import Answer, Connection
from infra.experiment.ledger import classify
from labs.lab5_failover.regions.ledger import Write

TRIES = 6  # times that a write is sent at most, when the region wants the client to read again each time


@dataclass(frozen=True)
class Reading:
    """A link as a region shows it: `urls` are several where a conflict is kept, none where there is no such link."""

    urls: frozenset[str] = frozenset()
    version: str = ""


@dataclass(frozen=True)
class Client:
    """`began` is the run's beginning on the monotonic clock. Each request has a connection of its own."""

    region: str
    address: tuple[str, int]
    began: float

    def read(self, link: str) -> Reading:
        """Raises LabError when the region does not answer with a link, or that there is none."""
        try:
            with Connection(self.address) as connection:
                answer = connection.ask("GET", f"/links/{link}")
        except OSError as error:
            why = f"Region {self.region} does not answer ({error}). See `lab logs region-{self.region}`."
            raise LabError(why) from error
        if answer.status == 404:
            return Reading()
        if answer.status != 200:
            raise self._odd(f"GET /links/{link}", answer)
        return self._reading(f"GET /links/{link}", answer, orjson.loads(answer.body))

    def write(self, link: str, url: str, reading: Reading) -> Write:
        """Send it until it is acknowledged; who is told that the link has changed reads that, and writes again."""
        start, refused, answer, error = time.monotonic(), 0, None, ""
        while refused < TRIES:
            answer, error = self._put(link, url, reading)
            if answer is None or answer.status not in (412, 428):
                break
            refused += 1
            reading = self._reading(f"PUT /links/{link}", answer, orjson.loads(answer.body).get("link"))
        end, status = time.monotonic(), answer.status if answer else None
        outcome = classify(f"PUT {self.region}", status, error)
        saw, since = reading.urls, start - self.began
        return Write(self.region, link, url, saw, outcome, status, since, end - start, refused)

    def _put(self, link: str, url: str, reading: Reading) -> tuple[Answer | None, str]:
        headers = {"If-Match": f'"{reading.version}"'} if reading.version else {}
        try:
            with Connection(self.address) as connection:
                return connection.ask("PUT", f"/links/{link}", orjson.dumps({"url": url}), headers), ""
        except ConnectionRefusedError:
            return None, "not sent"
        except OSError as error:
            return None, str(error) or type(error).__name__

    def _reading(self, request: str, answer: Answer, link: object) -> Reading:
        try:
            assert isinstance(link, dict)
            return Reading(frozenset(map(str, link["urls"])), str(link["version"]))
        except (AssertionError, KeyError, TypeError):
            raise self._odd(request, answer) from None

    def _odd(self, request: str, answer: Answer) -> LabError:
        said = answer.body[:120].decode(errors="replace")
        return LabError(
            f'Region {self.region} answered {request} with {answer.status} {said}, which holds no "urls" and "version".'
        )
