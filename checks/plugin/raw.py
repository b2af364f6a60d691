"""Requests that no proper client sends: a body in chunks, a body that never ends, half a request. Bare sockets."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

from checks.plugin.service import LIMIT, SLACK, Sent, Service


@dataclass(frozen=True)
class RawAnswer:
    """`head` is the status line and headers, empty when the server just hung up; `ended` False when it never did."""

    head: str
    body: bytes
    seconds: float
    ended: bool
    curl: str

    @property
    def status(self) -> int | None:
        words = self.head.split(" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else None

    def __str__(self) -> str:
        if not self.ended and not self.head:
            return f"no end after {self.seconds:.1f} s: it hangs"
        return f"{self.head.splitlines()[0] if self.head else 'the connection closed'} {self.body[:200]!r}"


class Wire:
    """One request over a bare socket: `send` its parts, then `answer`."""

    def __init__(self, service: Service, method: str, path: str, curl: str | None = None):
        sent = Sent(service.base_url, method, path, {}, None)
        service.note(sent)
        self.curl = curl or sent.curl
        self.host = "{}:{}".format(*service.host_port)
        self.socket = socket.create_connection(service.host_port, timeout=LIMIT)
        self.start = time.monotonic()
        self.send(f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n".encode())

    def send(self, part: bytes) -> bool:
        """False when the server no longer listens: it may answer before it has read everything."""
        try:
            self.socket.sendall(part)
        except OSError:
            return False
        return True

    def answer(self, within: float = LIMIT + SLACK) -> RawAnswer:
        """Read until the server closes, or `within` seconds after the request began."""
        received, ended = b"", False
        try:
            while not ended:
                left = self.start + within - time.monotonic()
                if left <= 0:
                    break
                self.socket.settimeout(left)
                part = self.socket.recv(65536)
                received, ended = received + part, not part
        except TimeoutError:
            pass
        except OSError:
            ended = True
        finally:
            self.socket.close()
        head, _, body = received.partition(b"\r\n\r\n")
        return RawAnswer(head.decode("latin-1"), body, time.monotonic() - self.start, ended, self.curl)


def chunked(body: bytes, size: int = 4096) -> list[bytes]:
    """`body` in HTTP chunks of `size` bytes, the last one empty."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return [f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts] + [b"0\r\n\r\n"]
