"""Has never heard of Idempotency-Key."""

from checks.broken.spoil import App, Receive, Scope, Send, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    rest = [header for header in scope["headers"] if header[0] != b"idempotency-key"]
    await app(dict(scope, headers=rest), receive, send)


run(http)
