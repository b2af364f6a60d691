"""Lets the database's absence out as an internal error."""

from checks.broken.spoil import App, Message, Receive, Scope, Send, run, with_start


def blame_itself(start: Message) -> None:
    if start["status"] == 503:
        start["status"] = 500


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/readyz":
        await app(scope, receive, send)
    else:
        await with_start(app, scope, receive, send, blame_itself)


run(http)
