"""The service as a check sees it: HTTP/1.1 sent byte for byte as written, each answer with the request that made it."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import shlex
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from checks.plugin.verdict import CheckFailed

LIMIT = 5.0  # seconds: the contract's end of every request
SLACK = 0.5  # seconds that this machine may add to it
PATIENCE = 20.0  # seconds in which what is over the client's rate (429) is sent again
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Sent:
    """One request as it was sent."""

    base_url: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def curl(self) -> str:
        """The same request for a shell; a long body is cut and says so."""
        parts = ["curl", "-i"]
        parts += ["--head"] if self.method == "HEAD" else ["-X", self.method] if self.method != "GET" else []
        parts += ["--path-as-is", self.base_url + self.path]
        for name, value in self.headers.items():
            parts += ["-H", f"{name}: {value}"]
        if self.body is not None:
            text = self.body.decode("utf-8", "backslashreplace")
            parts += ["--data-binary", text if len(text) <= 300 else f"{text[:120]}… ({len(self.body)} bytes in all)"]
        return " ".join(shlex.quote(part) for part in parts)


class NoAnswer(CheckFailed):
    """The request ended without an answer: `kind` is "refused", "broken" or "hang" (no end within 5 s)."""

    def __init__(self, sent: Sent, kind: str, got: str, seconds: float):
        did = f"Sent {sent.method} {sent.path[:80]}."
        super().__init__(did=did, expected="an answer within 5 s", got=got, request=sent.curl)
        self.sent, self.kind, self.seconds = sent, kind, seconds


@dataclass(frozen=True)
class Answer:
    """What came back. `seconds` from the first byte sent to the last one received."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    seconds: float
    sent: Sent

    @property
    def curl(self) -> str:
        return self.sent.curl

    def json(self) -> Any:
        """The body's JSON. Raises CheckFailed when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            did = f"Sent {self.sent.method} {self.sent.path[:80]}."
            raise CheckFailed(did=did, expected="a JSON body", got=str(self), request=self.curl) from None

    def __str__(self) -> str:
        location = f", Location {self.headers['location']!r}" if "location" in self.headers else ""
        text = self.body[:300].decode("utf-8", "replace") or "(no body)"
        return f"{self.status} {self.headers.get('content-type', 'without a Content-Type')}{location}: {text}"


class _Connection(http.client.HTTPConnection):
    """Head and body go out in one write, and the answer is read even when that write failed.

    A server may answer a head that it cannot read and close at once. A body in a second write would then meet a closed
    connection, and its reset would hide an answer that is right.
    """

    _unsent = b""

    def send(self, data: bytes) -> None:  # type: ignore[override]  # checks send bytes alone
        self._unsent += data

    def getresponse(self) -> http.client.HTTPResponse:
        data, self._unsent = self._unsent, b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().send(data)
        return super().getresponse()


@dataclass
class Service:
    """Sends requests to one base URL, over one connection a thread. `count` is the requests sent so far.

    Most checks are not about the rate limit: one that is `patient` waits as a 429 tells it to, and sends again. Nor are
    they about replicas that lag (lab 5): one that `keeps_session` sends the token of the last answer, as a browser
    does."""

    base_url: str
    count: int = 0
    last: Sent | None = None
    patient: bool = True
    keeps_session: bool = True
    _session: str = ""
    _elsewhere: list[Service] = field(default_factory=list)
    _counts_for: Service | None = None
    _local: threading.local = field(default_factory=threading.local)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: list[_Connection] = field(default_factory=list)

    @property
    def host_port(self) -> tuple[str, int]:
        parts = urlsplit(self.base_url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send it and read the answer. Raises NoAnswer when none came within 5 s."""
        session = {"Session-Token": self._session} if self._session else {}
        sent = Sent(self.base_url, method, path, session | dict(headers or {}), body)
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._send(sent)
            if self.keeps_session:
                self._session = answer.headers.get("session-token", self._session)
            pause = seconds_to_wait(answer)
            if answer.status != 429 or not self.patient or time.monotonic() + pause > deadline:
                return answer
            time.sleep(pause)

    def at(self, base_url: str, *, patient: bool = True) -> Service:
        """The same service at another address: what is sent there counts here too, and closes with this one."""
        other = Service(base_url, patient=patient, _counts_for=self)
        self._elsewhere.append(other)
        return other

    def _send(self, sent: Sent) -> Answer:
        self.note(sent)
        start = time.perf_counter()
        try:
            return self._exchange(sent, start, reuse=True)
        except TimeoutError:
            self._forget()
            raise NoAnswer(sent, "hang", f"no end after {LIMIT + SLACK:g} s: it hangs", LIMIT + SLACK) from None
        except ConnectionRefusedError:
            self._forget()
            raise NoAnswer(
                sent, "refused", "connection refused: nothing listens", time.perf_counter() - start
            ) from None
        except (OSError, http.client.HTTPException) as error:
            self._forget()
            got = f"the connection broke ({error or type(error).__name__})"
            raise NoAnswer(sent, "broken", got, time.perf_counter() - start) from None

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, document: object, headers: Mapping[str, str] | None = None) -> Answer:
        """POST /links with that JSON document."""
        return self.request("POST", "/links", json.dumps(document).encode(), {**JSON, **(headers or {})})

    def patch(self, link_id: str, document: object) -> Answer:
        """PATCH /links/{id} with that JSON document."""
        return self.request("PATCH", f"/links/{link_id}", json.dumps(document).encode(), JSON)

    def delete(self, link_id: str) -> Answer:
        """DELETE /links/{id}."""
        return self.request("DELETE", f"/links/{link_id}")

    def create(self, url: str) -> dict[str, Any]:
        """A link to `url`. Raises CheckFailed unless it is acknowledged with 201 and an id."""
        answer = self.post({"url": url})
        link = answer.json() if answer.status == 201 else None
        if not isinstance(link, dict) or not isinstance(link.get("id"), str):
            did = f"Created a link to {url[:80]}."
            raise CheckFailed(did=did, expected="201 and the link with its id", got=str(answer), request=answer.curl)
        return link

    def note(self, sent: Sent) -> None:
        """Count a request, also one that a check sends over a socket of its own."""
        with self._lock:
            self.count += 1
            self.last = sent
        if self._counts_for is not None:
            self._counts_for.note(sent)

    def close(self) -> None:
        """Close every thread's connection."""
        for other in self._elsewhere:
            other.close()
        self._elsewhere.clear()
        for connection in self._open:
            connection.close()
        self._open.clear()

    def _forget(self) -> None:
        """Drop this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._open = [other for other in self._open if other is not connection]
        self._local.connection = None

    def _exchange(self, sent: Sent, start: float, *, reuse: bool) -> Answer:
        connection: _Connection | None = getattr(self._local, "connection", None)
        kept = reuse and connection is not None and self._usable(connection, start)
        if connection is None or not kept:
            self._forget()
            connection = _Connection(*self.host_port, timeout=LIMIT + SLACK)
            self._local.connection = connection
            self._open.append(connection)
        try:
            connection.request(sent.method, sent.path, body=sent.body, headers=dict(sent.headers))
            response = connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # A server may close an idle connection at any time; only a fresh one says something about this request.
            if kept and sent.method in ("GET", "HEAD"):
                return self._exchange(sent, start, reuse=False)
            raise
        body = response.read()
        self._local.used = time.perf_counter()
        if self._local.used - start > LIMIT + SLACK:
            raise TimeoutError
        answer_headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, answer_headers, body, self._local.used - start, sent)

    def _usable(self, connection: http.client.HTTPConnection, now: float) -> bool:
        """Not when it idled for a second (the server may be closing it), nor when something unread or its end waits."""
        if connection.sock is None or now - getattr(self._local, "used", 0.0) > 1.0:
            return False
        return not select.select([connection.sock], [], [], 0)[0]


def seconds_to_wait(answer: Answer) -> float:
    """What Retry-After says; a second when it says no number."""
    said = answer.headers.get("retry-after", "").strip()
    return float(said) if said.isascii() and said.isdigit() else 1.0
