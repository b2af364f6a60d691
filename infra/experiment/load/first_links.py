"""The links that a load reads are made first, through the service's own door; they are promises like any other."""

from __future__ import annotations

import secrets
import time

import orjson

from infra.errors import LabError
from infra.experiment.keepalive import Answer, Connection, in_parallel
from infra.experiment.load.urls import unique_url

_PATIENCE = 15.0  # seconds that one link may be refused because of a rate limit (from lab 4)
_PAUSE = 0.1


def make_links(address: tuple[str, int], count: int) -> list[tuple[str, str]]:
    """POST so many links at `address` and return them as (id, url).

    Raises LabError when one is not answered 201 with an id: nothing can be learnt from load on such a service."""
    run = secrets.token_hex(4)
    return in_parallel(address, [unique_url(run, number) for number in range(count)], _make, connections=4)


def _make(connection: Connection, url: str) -> tuple[str, str]:
    answer = _posted(connection, url)
    try:
        if answer.status == 201:
            return str(orjson.loads(answer.body)["id"]), url
    except (ValueError, KeyError, TypeError):
        pass
    raise LabError(
        f'POST /links {{"url": "{url}"}} was answered {answer.status} {answer.body[:120].decode(errors="replace")}, '
        'not 201 with an "id", so there is nothing to put load on. See `lab logs app`, or run the checks first.'
    )


def _posted(connection: Connection, url: str) -> Answer:
    """The answer; one that says "too many" is waited for until it says something else."""
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            answer = connection.ask("POST", "/links", orjson.dumps({"url": url}))
        except OSError as error:
            raise LabError(
                f"The service does not answer ({error}), so no load can be put on it."
                " See `lab status` and `lab logs app`."
            ) from error
        if answer.status != 429 or time.monotonic() > give_up:
            return answer
        time.sleep(_PAUSE)
