"""Answers a wrong method as if the path did not exist."""

from checks.broken.spoil import App, Message, Receive, Scope, Send, run, with_start


def hide(start: Message) -> None:
    if start["status"] == 405:
        start["status"] = 404


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await with_start(app, scope, receive, send, hide)


run(http)
