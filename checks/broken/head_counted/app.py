"""Takes a HEAD for a GET, and so for a click."""

from checks.broken.spoil import App, Receive, Scope, Send, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await app(dict(scope, method="GET") if scope["method"] == "HEAD" else scope, receive, send)


run(http)
