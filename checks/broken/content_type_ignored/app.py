"""Reads every body as JSON, whatever it says it is."""

from checks.broken.spoil import App, Receive, Scope, Send, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    others = [header for header in scope["headers"] if header[0] != b"content-type"]
    await app(dict(scope, headers=[*others, (b"content-type", b"application/json")]), receive, send)


run(http)
