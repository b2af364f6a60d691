"""Knows GET and forgets HEAD."""

from checks.broken.spoil import App, Receive, Scope, Send, answer, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await (answer(send, 405) if scope["method"] == "HEAD" else app(scope, receive, send))


run(http)
