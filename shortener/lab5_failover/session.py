"""What a client has seen travels with it: its session token, in a cookie and in the header `Session-Token`. Lab 5.

With it a client reads its own writes, and never reads backwards, whichever copy and whichever replica answers. The
copies remember nothing of it. Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", PDIS 1994."""

import re
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.lab5_failover.position import Position, later, parsed

HEADER = b"session-token"
_COOKIE = re.compile(rb"(?:^|;\s*)session-token=([\w-]+)")


@dataclass(slots=True)
class Session:
    """One request's. `asked` is what its client has seen before, `seen` what the answer was read or written at."""

    asked: Position | None = None
    seen: Position | None = None

    def saw(self, position: Position | None) -> None:
        self.seen = later(self.seen, position)


CURRENT: ContextVar[Session | None] = ContextVar("session", default=None)


def current() -> Session:
    """That of the request in whose task this is called; beside requests, one that has seen nothing."""
    return CURRENT.get() or Session()


class Sessions:
    """ASGI middleware. A client that sends both, the header and the cookie, has seen both.

    Two answers at once to one browser may leave the older cookie: then its next read may be that much older."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        session = Session(asked_in(scope["headers"]))

        async def send_with_token(message: Message) -> None:
            if message["type"] == "http.response.start" and session.seen:
                position = later(session.asked, session.seen)
                token = (position or session.seen).token.encode()
                message["headers"].append((HEADER, token))
                message["headers"].append((b"set-cookie", HEADER + b"=%b; Path=/; HttpOnly; SameSite=Lax" % token))
            await send(message)

        before = CURRENT.set(session)
        try:
            return await self._app(scope, receive, send_with_token)
        finally:
            CURRENT.reset(before)


def asked_in(headers: list[tuple[bytes, bytes]]) -> Position | None:
    asked: Position | None = None
    for name, value in headers:
        if name == HEADER:
            asked = later(asked, parsed(value.decode("latin-1")))
        elif name == b"cookie" and (match := _COOKIE.search(value)):
            asked = later(asked, parsed(match[1].decode()))
    return asked
