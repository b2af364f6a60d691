"""Limits whatever a client asks for, reading too."""

import time

from checks.broken.spoil import App, Receive, Scope, Send, answer, run

RATE, BURST = 50, 100
buckets: dict[str, tuple[float, float]] = {}


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    client = next((value.decode() for name, value in scope["headers"] if name == b"x-forwarded-for"), "")
    now = time.monotonic()
    tokens, at = buckets.get(client, (float(BURST), now))
    tokens = min(BURST, tokens + (now - at) * RATE)
    buckets[client] = (max(0.0, tokens - 1), now)
    if client and scope["method"] == "GET" and tokens < 1:
        await answer(send, 429, b'{"title": "Too Many Requests"}')
    else:
        await app(scope, receive, send)


run(http)
