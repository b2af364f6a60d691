"""Calls itself ready at once, and serves only some seconds later."""

import time

from checks.broken.spoil import App, Receive, Scope, Send, answer, run

WARMING = 3.0
ALWAYS = {"/readyz", "/healthz", "/metrics"}
first: list[float] = []


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    first[:] = first or [time.monotonic()]
    if scope["path"] in ALWAYS or scope["method"] != "GET" or time.monotonic() > first[0] + WARMING:
        await app(scope, receive, send)
    else:
        await answer(send, 503, b'{"title": "Service Unavailable"}')


run(http)
