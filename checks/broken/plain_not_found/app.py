"""Answers an unknown id with the framework's plain page."""

from checks.broken.spoil import App, Message, Receive, Scope, Send, run, with_start


def plain(start: Message) -> None:
    if start["status"] == 404:
        start["headers"] = [
            (name, b"text/plain" if name == b"content-type" else value) for name, value in start["headers"]
        ]


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await with_start(app, scope, receive, send, plain)


run(http)
