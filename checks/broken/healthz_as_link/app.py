"""Looks /healthz up as if it were a link."""

from checks.broken.spoil import App, Receive, Scope, Send, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/healthz":
        scope = dict(scope, path="/healthy", raw_path=b"/healthy")
    await app(scope, receive, send)


run(http)
