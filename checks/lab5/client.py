"""A client that goes from copy to copy with its session token; and a stranger, who has none. Lab 5."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Mapping

from checks.plugin.copies import every_copy
from checks.plugin.service import JSON, Answer, Service
from checks.plugin.stand import Stand

HEADER = "session-token"


class Client:
    """Each request goes to the next copy. With `keeps` the token of each answer goes with the next request."""

    def __init__(self, copies: Mapping[str, Service], *, keeps: bool = True) -> None:
        for copy in copies.values():
            copy.keeps_session = False  # that is done here
        self._copies = itertools.cycle(copies.values())
        self._keeps = keeps
        self.token = ""

    @classmethod
    def of(cls, stand: Stand, *, keeps: bool = True) -> Client:
        return cls(every_copy(stand), keeps=keeps)

    def ask(self, method: str, path: str, url: str | None = None) -> Answer:
        headers = {"Session-Token": self.token} if self.token else {}
        body = None if url is None else json.dumps({"url": url}).encode()
        answer = next(self._copies).request(method, path, body, headers | (JSON if body else {}))
        if self._keeps:
            self.token = answer.headers.get(HEADER, self.token)
        return answer

    def shown(self, link_id: str) -> Answer:
        """GET /links/{id}, which asks the database each time."""
        return self.ask("GET", f"/links/{link_id}")

    def followed(self, link_id: str) -> Answer:
        """GET /{id}, which asks the cache first."""
        return self.ask("GET", f"/{link_id}")

    def changed(self, link_id: str, url: str) -> Answer:
        return self.ask("PATCH", f"/links/{link_id}", url)


def url_of(answer: Answer) -> str | None:
    """The url that a redirect or a link in JSON names; None when the answer is neither."""
    if answer.status == 302:
        return answer.headers.get("location")
    document = answer.json() if answer.status == 200 else None
    return document.get("url") if isinstance(document, dict) else None


def fresh_url(word: str) -> str:
    return f"https://example.com/session/{secrets.token_hex(6)}/{word}"
