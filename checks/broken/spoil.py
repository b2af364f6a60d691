"""How a twin runs: the kit's own service, with one thing spoilt before it starts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Http = Callable[[App, Scope, Receive, Send], Awaitable[None]]


def run(http: Http | None = None, **server: Any) -> None:
    """Start the service. `http` stands before each of its HTTP requests; `server` overrides uvicorn's settings."""
    start = uvicorn.run

    def spoilt_run(app: App, **settings: Any) -> None:
        start(before(app, http) if http else app, **(settings | server))

    uvicorn.run = spoilt_run  # type: ignore[assignment]
    from shortener.__main__ import main

    main()


def before(app: App, http: Http) -> App:
    async def spoilt(scope: Scope, receive: Receive, send: Send) -> None:
        await (http(app, scope, receive, send) if scope["type"] == "http" else app(scope, receive, send))

    return spoilt


async def with_start(app: App, scope: Scope, receive: Receive, send: Send, change: Callable[[Message], None]) -> None:
    """Let `change` alter the status and headers of the answer before they leave."""

    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [(bytes(name).lower(), bytes(value)) for name, value in message["headers"]]
            change(message)
        await send(message)

    await app(scope, receive, changed)


async def answer(send: Send, status: int, body: bytes = b"", kind: str = "application/problem+json") -> None:
    """Answer by itself."""
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
