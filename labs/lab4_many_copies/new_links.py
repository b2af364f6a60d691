"""Links made at one copy, past the balancer, as fast as it takes them. Lab 4."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

import orjson

from infra.errors import LabError
from labs.lab4_many_copies.answers import answers

_HOST = "https://example.com/"
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class NewLinks:
    ids: list[str]
    a_second: float


def make(address: tuple[str, int], seconds: float, *, url_size: int = 100, connections: int = 16) -> NewLinks:
    """For so many seconds. Raises LabError when an answer is none of a link that was made."""
    made = answers(address, lambda: _post(url_size), 201, seconds, connections)
    try:
        return NewLinks([str(orjson.loads(body)["id"]) for body in made.bodies], made.a_second)
    except (ValueError, KeyError, TypeError) as error:
        raise LabError("POST /links was answered 201 without an id. Run the checks of lab 1 first.") from error


def url_of(size: int) -> str:
    """A url of so many bytes that nobody else has."""
    return _HOST + word(size - len(_HOST))


def word(length: int) -> str:
    return "".join(random.choices(_LETTERS, k=length))


def post_from(client: str, url: str) -> bytes:
    """As if from that address. Behind the balancer nobody can choose what the copies take for his address; a copy that
    is asked itself believes what it is told."""
    body = orjson.dumps({"url": url})
    head = f"POST /links HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {client}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def an_address() -> str:
    return ".".join(str(random.randrange(1, 255)) for _ in range(4))


def _post(url_size: int) -> bytes:
    """Each from an address of its own, for the rate limit is not what is looked at."""
    return post_from(an_address(), url_of(url_size))
